resource "google_cloud_scheduler_job" "job" {
  for_each = local.schedules

  name        = each.key
  region      = var.region
  description = "Runs ${each.value.function} through the topic ${each.value.topic}."
  schedule    = each.value.cron
  time_zone   = var.store_timezone

  retry_config {
    retry_count          = 3
    min_backoff_duration = "5s"
    max_backoff_duration = "60s"
    max_doublings        = 3
  }

  pubsub_target {
    topic_name = google_pubsub_topic.topic[each.value.topic].id
    # functions-framework refuses a message without data.
    data       = base64encode(each.value.data)
    attributes = { job = each.key }
  }
}
