# Each of these lines is one too many, so the log itself is watched.
resource "google_monitoring_alert_policy" "log" {
  for_each = {
    evidence = {
      severity = "CRITICAL"
      title    = "The audit trail or protected data is at risk"
      filter   = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=(\"security_event_lost\" OR \"event_not_recorded\" OR \"event_refused\" OR \"record_undecryptable\" OR \"buyer_undecryptable\" OR \"draw_chain_gone\" OR \"authentication_disabled\")"
      labels   = { event = "EXTRACT(jsonPayload.message)", function = "EXTRACT(jsonPayload.function)" }
      text     = "`security_event_lost`: a refusal or an admin's act is missing in the audit trail; the line has its type and id. `event_not_recorded`: an event did not fit its BigQuery table; after mending, publish it again from the dead letters. `event_refused`: an event does not fit its topic's schema and waits in the outbox; once infra/topics/ takes it, it goes out by itself. `record_undecryptable`, `buyer_undecryptable`: a key is wrong or missing in VERIFICATION_KEY. `draw_chain_gone`: a raffle was closed for a drand chain that is not the configured one, and cannot be drawn: docs/raffles.md. `authentication_disabled`: AUTH_MODE is `disabled` and everybody is an admin: roll back at once."
    }
    payments = {
      severity = "CRITICAL"
      title    = "Money needs a look"
      filter   = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=(\"payment_difference\" OR \"charge_without_membership\" OR \"refund_declined\" OR \"gateway_refused_request\")"
      labels   = { event = "EXTRACT(jsonPayload.message)", function = "EXTRACT(jsonPayload.function)" }
      text     = "`payment_difference`: a transaction is not the same in our books and at the gateway, and could not be mended. `charge_without_membership`: money came for which nobody waits any more; it is given back by itself. `refund_declined`: the gateway refused to give money back: do it there by hand. `gateway_refused_request`: credentials or the shape of a request are wrong; nothing was charged. What to do: docs/memberships.md, and of raffles docs/raffles.md."
    }
    undelivered = {
      severity = "ERROR"
      title    = "An alert did not reach a channel"
      filter   = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=(\"alert_refused\" OR \"alert_without_channel\")"
      labels   = { event = "EXTRACT(jsonPayload.message)", channel = "EXTRACT(jsonPayload.channel)" }
      text     = "`alert_refused`: Slack or PagerDuty will never take it (`reason`: the webhook was removed, the channel archived, the event malformed); it went to the other channels. `alert_without_channel`: an alert was raised and no channel is configured. The alert itself is in the log line `alert` with the same eventId."
    }
    exception = {
      severity = "ERROR"
      title    = "A function met what it did not expect"
      filter   = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=\"unhandled_exception\""
      labels   = { function = "EXTRACT(jsonPayload.function)", exception = "EXTRACT(jsonPayload.exception)" }
      text     = "A caller got 500. The line has the exception's type and the places that it passed, and a requestId that the caller has too. After a deploy: roll back."
    }
    budget = {
      severity = "WARNING"
      title    = "The day's BigQuery budget is used up"
      filter   = "resource.type=\"cloud_run_revision\" AND jsonPayload.message=\"budget_spent\""
      labels   = { function = "EXTRACT(jsonPayload.function)" }
      text     = "Until midnight UTC dashboards, statistics and compliance show the last figures there are (`mode: degraded`), and 503 where there are none. `query_budgets` in Firestore has the bytes of each day. More looks than usual: wait. A few days in a row: raise the setting BIGQUERY_DAILY_BYTES, having read docs/costs.md."
    }
    schedule = {
      severity = "ERROR"
      title    = "A job could not be started"
      filter   = "resource.type=\"cloud_scheduler_job\" AND severity>=ERROR"
      labels   = { job = "EXTRACT(resource.labels.job_id)" }
      text     = "Cloud Scheduler could not publish to the job's topic, so the job in the label did not run. Look at its log; after mending, run it by hand: `gcloud scheduler jobs run`."
    }
  }

  display_name          = "${each.value.title} (${var.environment})"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.notified

  conditions {
    display_name = each.value.title
    condition_matched_log {
      filter           = each.value.filter
      label_extractors = each.value.labels
    }
  }

  alert_strategy {
    auto_close = "86400s"
    # The API demands it of alerts on the log.
    notification_rate_limit {
      period = "3600s"
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "${each.value.text}${local.where}"
  }

  depends_on = [google_project_service.service]
}
