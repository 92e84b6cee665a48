# What the functions' own rules (shared/monitoring/alert_rules.py) cannot see: what never reaches the code, and whether the
# rules are checked at all. docs/decisions/0026 says which watches what.
#
# Alerts in PromQL, where it can say what is meant. disable_metric_validation: in a new project nothing has been measured
# yet, and a metric of the log exists some minutes after its definition; without it the first apply would be refused.
locals {
  run     = "monitored_resource=\"cloud_run_revision\""
  pubsub  = "monitored_resource=\"pubsub_subscription\""
  counted = "sum by (function) (increase(logging_googleapis_com:user_%s{monitored_resource=\"cloud_run_revision\"}[15m])) > %d"

  alerts = {
    for name, alert in {
      function-fails = {
        severity = "ERROR"
        title    = "One function fails"
        query    = <<-EOT
          sum by (service_name) (rate(run_googleapis_com:request_count{${local.run},response_code_class="5xx"}[15m]))
            / sum by (service_name) (rate(run_googleapis_com:request_count{${local.run}}[15m])) > 0.1
          and sum by (service_name) (increase(run_googleapis_com:request_count{${local.run}}[15m])) > 10
        EOT
        duration = "0s"
        text     = "In 15 minutes with more than 10 requests more than 10 % were answered 5xx by the function in the label service_name. After a deploy: roll back, then look at its log lines with severity ERROR."
      }
      requests-slow = {
        severity = "WARNING"
        title    = "Requests are slow"
        query = join(" ", [
          "histogram_quantile(0.95, sum by (le, service_name) (rate(run_googleapis_com:request_latencies_bucket{${local.run}${local.public_only}}[15m]))) > 1000",
          "and sum by (service_name) (increase(run_googleapis_com:request_count{${local.run}}[15m])) > 20",
        ])
        duration = "300s"
        text     = "The 95th percentile of an HTTP function is over one second. Compare with the metric request_latency, which has the code's part only: is that small, instances start too often (`warm`) or are too few (maxInstances in the declaration); is it large, look at Firestore and BigQuery."
      }
      dead-letters = {
        severity = "ERROR"
        title    = "Messages were given up"
        query    = "sum by (subscription_id) (increase(pubsub_googleapis_com:subscription_dead_letter_message_count{${local.pubsub}}[10m])) > 0"
        duration = "0s"
        text     = "The subscriber or job of the subscription in the label subscription_id failed on a message as often as it may. The message is parked: `make dead-letters PROJECT= ARGS=list`. Find the cause in the function's log lines `message_failed`, mend it, then replay or discard it: docs/dead-letters.md."
      }
      work-waits = {
        severity = "ERROR"
        title    = "Work waits for more than 45 minutes"
        # Subscriptions that push are called <function>.<topic>.
        query    = "max by (subscription_id) (pubsub_googleapis_com:subscription_oldest_unacked_message_age{${local.pubsub},subscription_id=~\".+[.].+\"}) > 2700"
        duration = "0s"
        text     = "The oldest message of the subscription in the label subscription_id is not handled yet: the function fails again and again (`message_failed` in its log), or it has too few instances. For pos-sync this is the lag of the sync."
      }
      outbox-silent = {
        severity = "ERROR"
        title    = "The outbox is not emptied"
        query    = "(sum(increase(logging_googleapis_com:user_outbox_relayed{${local.run}}[15m])) or vector(0)) < 0.5"
        duration = "900s"
        text     = "The job audit-relay-outbox runs each minute and has not ended for 30 minutes. Events that Pub/Sub refused at first, among them the audit trail, wait in Firestore until it runs: look at its log and at its job in Cloud Scheduler."
        needs    = "audit-relay-outbox"
      }
      check-silent = {
        severity = "CRITICAL"
        title    = "Nobody checks the alert rules"
        # The dead man's alert: who tells of everything else is silent.
        query    = "(sum(increase(logging_googleapis_com:user_metrics_checked{${local.run}}[30m])) or vector(0)) < 0.5"
        duration = "900s"
        text     = "The job monitoring-check-metrics runs every 15 minutes and has not ended for 45. Until it does, no rule of shared/monitoring/alert_rules.py raises anything: look at its log and at its job in Cloud Scheduler."
        needs    = "monitoring-check-metrics"
      }
      rules-blind = {
        severity = "WARNING"
        title    = "Alert rules cannot see"
        # Three checks, or three sources of one.
        query    = format(local.counted, "observation_failed", 2)
        duration = "0s"
        text     = "monitoring-check-metrics could not look at some of what its rules are about (`observation_failed` has the source): these rules neither raise nor end an alert until it can. `metrics_checked` has their names under `unseen`."
        needs    = "monitoring-check-metrics"
      }
      alerts-delayed = {
        severity = "WARNING"
        title    = "Alerts wait for Slack or PagerDuty"
        query    = format(local.counted, "alert_delayed", 3)
        duration = "0s"
        text     = "A channel has not taken an alert for several tries. Nothing is lost: monitoring-retry-alerts sends it until it is taken. Look at the provider's status page, and read the alerts in the log (`alert`) or in `alert_deliveries` meanwhile."
        needs    = "monitoring-retry-alerts"
      }
      events-left-to-relay = {
        severity = "WARNING"
        title    = "Pub/Sub refuses events"
        query    = format(local.counted, "event_left_to_relay", 20)
        duration = "0s"
        text     = "More than 20 events in 15 minutes were not published at once and wait for audit-relay-outbox. Nothing is lost as long as that job runs. Look at the reason in the log lines `event_left_to_relay`: quota, permission or a topic that is missing."
      }
      instances-alone = {
        severity = "WARNING"
        title    = "Instances do without Firestore"
        query    = join(" or ", [for event in ["rate_limit_fallback", "cache_without_store"] : format(local.counted, event, 20)])
        duration = "0s"
        text     = "Firestore did not answer the rate limiter or the cache (`rate_limit_fallback`, `cache_without_store` in the log), so each instance counts and keeps for itself: a caller may send more than the limit, and figures are made once by each instance. Look at the state of Firestore and at its quota."
      }
      figures-stand-still = {
        severity = "WARNING"
        title    = "Cached figures cannot be made anew"
        # A failed load rests for a minute at most: five of one function are several minutes of them.
        query    = format(local.counted, "cache_load_failed", 5)
        duration = "0s"
        text     = "Dashboards, statistics, compliance or Square's catalogue show the last figures there are (`mode: degraded`); callers get a 200 and see no error. The lines `cache_load_failed` have the view and the code: `unavailable` is BigQuery, `budget_spent` the day's budget, anything else Square (docs/square.md)."
      }
      keys-unreachable = {
        severity = "ERROR"
        title    = "The keys of callers' tokens cannot be fetched"
        query    = format(local.counted, "jwks_unreachable", 3)
        duration = "0s"
        text     = "Functions cannot reach `jwt.jwks_url`; once their copy is used up, all signed-in callers get errors. Look at the state of the identity provider, then at the address."
      }
      answers-not-kept = {
        severity = "WARNING"
        title    = "Repeated requests would not be recognised"
        query    = format(local.counted, "idempotent_answer_not_kept", 5)
        duration = "0s"
        text     = "Requests with an Idempotency-Key were served, but their answers could not be stored; who repeats one is told to wait, then is served anew. Look at the state of Firestore."
      }
    } : name => alert if !can(alert.needs) || (contains(keys(local.functions), try(alert.needs, "")) && local.told)
  }
  # Lines that say that all is well are of level INFO.
  told = contains(["DEBUG", "INFO"], var.log_level)
  # Jobs and subscribers may take their time.
  public_only = length(local.pushed) == 0 ? "" : ",service_name!~\"${join("|", keys(local.pushed))}\""

  where = "\n\nDashboard: LivHana ${var.environment}. What to look at and what to do: docs/runbook.md."
}

resource "google_monitoring_alert_policy" "metric" {
  for_each = local.alerts

  display_name          = "${each.value.title} (${var.environment})"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.notified

  conditions {
    display_name = each.value.title
    condition_prometheus_query_language {
      query                     = trimspace(each.value.query)
      duration                  = each.value.duration
      evaluation_interval       = "60s"
      disable_metric_validation = true
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = "${each.value.text}${local.where}"
  }

  depends_on = [google_logging_metric.event, google_project_service.service]
}
