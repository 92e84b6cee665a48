# What is measured, and who is told. What is worth telling is in alerts.tf, log_alerts.tf and uptime.tf.
locals {
  # Lines of the functions' log that an operator wants counted: event name → what it means.
  log_events = {
    cache_load_failed          = "A cached value could not be made anew; the last one is served, with a 200."
    cache_without_store        = "Firestore did not answer, so an instance kept cached values by itself."
    dependency_down            = "The readiness check found a service that does not answer."
    alerts_retried             = "A run of monitoring-retry-alerts ended."
    alert_delayed              = "Slack or PagerDuty did not take an alert; it is sent again until it does."
    event_left_to_relay        = "Pub/Sub refused an event; the job audit-relay-outbox publishes it from the outbox."
    idempotent_answer_not_kept = "A request with an Idempotency-Key was served, but a repetition would be served anew."
    jwks_unreachable           = "The public keys of callers' tokens could not be fetched."
    message_failed             = "A subscriber or job failed; Pub/Sub delivers the message again."
    metrics_checked            = "A run of monitoring-check-metrics ended."
    observation_failed         = "A check could not look at something; its alert rules have no verdict."
    outbox_relayed             = "A run of audit-relay-outbox ended."
    rate_limit_fallback        = "Firestore did not answer, so an instance counted requests by itself."
    unavailable                = "A caller got 503, because something behind the function did not answer."
  }
  notified = google_monitoring_notification_channel.email[*].id
}

resource "google_monitoring_notification_channel" "email" {
  count = var.alert_email == "" ? 0 : 1

  display_name = "Alerts of ${var.environment}"
  type         = "email"
  labels       = { email_address = var.alert_email }
  depends_on   = [google_project_service.service]
}

resource "google_logging_metric" "event" {
  for_each = local.log_events

  name        = each.key
  description = each.value
  filter      = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=\"${each.key}\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
    labels {
      key         = "function"
      value_type  = "STRING"
      description = "Name of the function that logged it."
    }
  }
  label_extractors = { function = "EXTRACT(jsonPayload.function)" }

  depends_on = [google_project_service.service]
}

# One line a request: 5xx are logged as errors.
resource "google_logging_metric" "request_failed" {
  name        = "request_failed"
  description = "Requests that a function answered with 5xx."
  filter      = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=\"request\" AND severity>=ERROR"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
    labels {
      key         = "function"
      value_type  = "STRING"
      description = "Name of the function that logged it."
    }
  }
  label_extractors = { function = "EXTRACT(jsonPayload.function)" }

  depends_on = [google_project_service.service]
}

# Without the platform's part (queueing, start of an instance), which run.googleapis.com/request_latencies has.
resource "google_logging_metric" "request_latency" {
  name            = "request_latency"
  description     = "How long the code worked on a request."
  filter          = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=\"request\" AND jsonPayload.latencyMs>=0"
  value_extractor = "EXTRACT(jsonPayload.latencyMs)"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "ms"
    labels {
      key         = "function"
      value_type  = "STRING"
      description = "Name of the function that logged it."
    }
  }
  label_extractors = { function = "EXTRACT(jsonPayload.function)" }

  # 1 ms to 98 s, each bucket a fifth wider than the one before.
  bucket_options {
    exponential_buckets {
      num_finite_buckets = 63
      growth_factor      = 1.2
      scale              = 1
    }
  }

  depends_on = [google_project_service.service]
}

resource "google_monitoring_dashboard" "overview" {
  dashboard_json = templatefile("${path.module}/dashboard.json.tftpl", { environment = var.environment })
  depends_on     = [google_project_service.service]
}

data "google_project" "billed" {
  count = var.billing_account == "" ? 0 : 1

  project_id = var.project
}

# A budget tells and stops nothing. Who deploys needs roles/billing.costsManager on the billing account.
resource "google_billing_budget" "project" {
  count = var.billing_account == "" ? 0 : 1

  billing_account = var.billing_account
  display_name    = "${var.project}, a month"

  budget_filter {
    # The API keeps the number, whatever it is given.
    projects = ["projects/${data.google_project.billed[0].number}"]
  }

  amount {
    specified_amount {
      currency_code = "USD"
      units         = tostring(var.monthly_budget_dollars)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  # Without a channel the billing administrators are mailed.
  dynamic "all_updates_rule" {
    for_each = length(local.notified) > 0 ? [1] : []
    content {
      monitoring_notification_channels = local.notified
    }
  }

  depends_on = [google_project_service.service]
}
