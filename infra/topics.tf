resource "google_pubsub_topic" "topic" {
  #checkov:skip=CKV_GCP_83:encrypted with Google's keys; events hold nothing personal, and a key of ours would stop them all
  for_each = local.topics

  name = each.key
  # A week to seek back to: longer than it takes to notice that a subscriber swallowed messages. What was given up is
  # kept as long as Pub/Sub keeps anything.
  message_retention_duration = each.key == local.dead_letters ? "2678400s" : "604800s"

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  dynamic "schema_settings" {
    for_each = contains(keys(google_pubsub_schema.schema), each.key) ? [google_pubsub_schema.schema[each.key].id] : []
    content {
      schema   = schema_settings.value
      encoding = "JSON"
    }
  }

  depends_on = [google_project_service.service]
}

resource "google_pubsub_subscription" "push" {
  for_each = local.subscriptions

  name                       = each.key
  topic                      = google_pubsub_topic.topic[each.value.topic].id
  ack_deadline_seconds       = local.pushed[each.value.function].ackDeadlineSeconds
  enable_message_ordering    = local.pushed[each.value.function].ordered
  message_retention_duration = each.value.topic == local.dead_letters ? "2678400s" : "604800s"

  # It must not vanish because a quiet shop published nothing for a month.
  expiration_policy {
    ttl = ""
  }

  push_config {
    # The path names the topic, because functions-framework reads the event's source from it.
    push_endpoint = "${google_cloudfunctions2_function.function[each.value.function].service_config[0].uri}/projects/${var.project}/topics/${each.value.topic}"

    oidc_token {
      service_account_email = google_service_account.push.email
      # Cloud Run accepts its own address only, not the path behind it.
      audience = google_cloudfunctions2_function.function[each.value.function].service_config[0].uri
    }
  }

  retry_policy {
    minimum_backoff = "${local.pushed[each.value.function].minimumBackoffSeconds}s"
    maximum_backoff = "${local.pushed[each.value.function].maximumBackoffSeconds}s"
  }

  # Who parks what others gave up is tried until it succeeds: it has nobody behind it.
  dynamic "dead_letter_policy" {
    for_each = local.pushed[each.value.function].maxDeliveryAttempts > 0 ? [local.pushed[each.value.function].maxDeliveryAttempts] : []
    content {
      dead_letter_topic     = google_pubsub_topic.topic[local.dead_letters].id
      max_delivery_attempts = dead_letter_policy.value
    }
  }

  depends_on = [google_cloud_run_v2_service_iam_member.push, google_service_account_iam_member.push_token]
}

# Pub/Sub itself moves the messages: it publishes to the dead-letter topic and acknowledges on the subscription.
resource "google_pubsub_topic_iam_member" "dead_letter" {
  topic  = google_pubsub_topic.topic[local.dead_letters].name
  role   = "roles/pubsub.publisher"
  member = google_project_service_identity.agent["pubsub"].member
}

resource "google_pubsub_subscription_iam_member" "dead_letter" {
  for_each = local.subscriptions

  subscription = google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = google_project_service_identity.agent["pubsub"].member
}
