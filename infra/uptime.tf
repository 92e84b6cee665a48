# Google asks from outside whether everything that the functions stand on answers: GET /health/ready.
locals {
  ready = { for name, function in local.http : name => function.path if name == "monitoring-ready" }
}

resource "google_monitoring_uptime_check_config" "ready" {
  for_each = local.ready

  display_name = "GET ${each.value}"
  period       = "300s"
  # The check itself gives each dependency a few seconds before it calls it down.
  timeout            = "10s"
  log_check_failures = true

  http_check {
    path         = each.value
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project
      host       = local.balanced ? var.domain : trimprefix(google_cloudfunctions2_function.function[each.key].service_config[0].uri, "https://")
    }
  }

  # A check that an alert looks at cannot be deleted.
  lifecycle {
    create_before_destroy = true
  }
}

resource "google_monitoring_alert_policy" "down" {
  for_each = google_monitoring_uptime_check_config.ready

  display_name          = "The API is not ready (${var.environment})"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.notified

  conditions {
    display_name = "${each.value.display_name} fails from more than one place"
    condition_threshold {
      filter          = "metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\" AND metric.labels.check_id=\"${each.value.uptime_check_id}\" AND resource.type=\"uptime_url\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "60s"

      aggregations {
        alignment_period     = "1200s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["resource.label.project_id", "resource.label.host"]
      }

      trigger {
        count = 1
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Google asked from several places and got no 200. The answer's body, and the log lines `dependency_down`, name the service that does not answer; without any answer look at the domain and its certificate first.${local.where}"
  }
}
