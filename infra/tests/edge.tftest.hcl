# What the front of a made-up shop (tests/edge.functions.json) looks like with each edge: two methods on one path, a
# literal and a parameter at the same place, a parameter in the middle. Needs terraform 1.11.

mock_provider "google" {
  override_during = plan

  mock_resource "google_cloudfunctions2_function" {
    defaults = {
      service_config = { uri = "https://function-of-the-shop.a.run.app" }
    }
  }
  mock_resource "google_compute_backend_bucket" {
    defaults = { id = "projects/shop-staging/global/backendBuckets/pages" }
  }
  mock_resource "google_compute_security_policy" {
    defaults = { id = "projects/shop-staging/global/securityPolicies/edge" }
  }
}
mock_provider "google-beta" {
  override_during = plan
}

variables {
  project      = "shop-staging"
  environment  = "staging"
  archive      = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  declarations = "tests/edge.functions.json"
  edge         = "load_balancer"
  domain       = "api.shop.example"
  alert_email  = "alerts@shop.example"
}

run "routes_backends_and_alerts_of_what_is_deployed" {
  command = plan

  assert {
    condition = local.routes[*].function == [
      "verification-jwks",
      "memberships-discount",
      "memberships-stats",
      "memberships-change", "memberships-get", "memberships-change",
      "raffles-create", "raffles-list", "raffles-create",
      "raffles-draw",
      "monitoring-ready",
    ]
    error_message = "A literal comes before a parameter at its place, methods before the rule without one."
  }
  assert {
    condition     = google_compute_url_map.edge["edge"].path_matcher[0].route_rules[*].priority == range(1, 13)
    error_message = "Each rule has a priority of its own, in their order."
  }
  assert {
    condition = [for match in google_compute_url_map.edge["edge"].path_matcher[0].route_rules[3].match_rules : [match.path_template_match, { for header in match.header_matches : header.header_name => header.exact_match }]] == [
      ["/api/memberships/{member_id=*}", { ":method" = "PUT" }],
      ["/api/memberships/{member_id=*}", { ":method" = "OPTIONS", "Access-Control-Request-Method" = "PUT" }],
      ["/api/memberships/{member_id=*}/", { ":method" = "PUT" }],
      ["/api/memberships/{member_id=*}/", { ":method" = "OPTIONS", "Access-Control-Request-Method" = "PUT" }],
    ]
    error_message = "On a shared path a function gets its method and the preflights for it, with and without a last slash."
  }
  assert {
    condition     = [for match in google_compute_url_map.edge["edge"].path_matcher[0].route_rules[4].match_rules : [for header in match.header_matches : header.exact_match if header.header_name == ":method"][0]] == ["GET", "HEAD", "OPTIONS", "GET", "HEAD", "OPTIONS"]
    error_message = "Who gets GET gets HEAD."
  }
  assert {
    condition     = [for match in google_compute_url_map.edge["edge"].path_matcher[0].route_rules[5].match_rules : length(match.header_matches)] == [0, 0]
    error_message = "A method that nobody declares still reaches a function, which answers 405."
  }
  assert {
    condition     = google_compute_url_map.edge["edge"].path_matcher[0].route_rules[2].match_rules[*].full_path_match == tolist(["/api/memberships/stats", "/api/memberships/stats/"]) && local.route_rules[9].matches[*].template == ["/api/raffles/{raffle_id=*}/draw", "/api/raffles/{raffle_id=*}/draw/"]
    error_message = "A path without parameters is matched as it is, one with them by a template."
  }
  assert {
    condition     = local.fallback == "monitoring-ready" && compact(google_compute_url_map.edge["edge"].path_matcher[0].route_rules[11].match_rules[*].prefix_match) == tolist(["/api/", "/health/", "/.well-known/"])
    error_message = "What is unknown below the API's prefixes is answered by a function, last of all."
  }

  assert {
    condition     = keys(google_compute_backend_service.function) == keys(local.http) && keys(google_compute_region_network_endpoint_group.function) == keys(local.http) && toset(local.routes[*].function) == toset(keys(local.http))
    error_message = "Each HTTP function has a backend and a route."
  }
  assert {
    condition     = length(setintersection(local.routes[*].function, ["audit-relay-outbox", "pos-sync", "raffles-record"])) == 0
    error_message = "Jobs and subscribers are not reached from outside."
  }
  assert {
    condition     = alltrue([for backend in google_compute_backend_service.function : backend.load_balancing_scheme == "EXTERNAL_MANAGED" && backend.security_policy == google_compute_security_policy.edge["edge"].id && backend.log_config[0].enable])
    error_message = "Each backend stands behind Cloud Armor and is logged."
  }
  assert {
    condition     = google_compute_url_map.edge["edge"].path_matcher[0].default_service == google_compute_backend_bucket.pages["edge"].id
    error_message = "Everything else is a page."
  }
  assert {
    condition     = google_compute_ssl_policy.edge["edge"].min_tls_version == "TLS_1_2" && google_compute_url_map.redirect["edge"].default_url_redirect[0].https_redirect
    error_message = "Nothing is served in the clear or with old TLS."
  }
  assert {
    condition     = alltrue([for name, function in google_cloudfunctions2_function.function : function.service_config[0].ingress_settings == (contains(keys(local.http), name) ? "ALLOW_INTERNAL_AND_GCLB" : "ALLOW_INTERNAL_ONLY")])
    error_message = "Nobody goes around the load balancer."
  }
  assert {
    condition     = jsondecode(google_storage_bucket_object.config.content).routes["PUT /api/memberships/{member_id}"] == "https://api.shop.example/api/memberships/{member_id}"
    error_message = "The pages find the API on the domain."
  }
  assert {
    condition     = google_monitoring_uptime_check_config.ready["monitoring-ready"].monitored_resource[0].labels.host == "api.shop.example"
    error_message = "The readiness check goes the way that callers go."
  }

  assert {
    condition     = contains(keys(google_monitoring_alert_policy.metric), "outbox-silent") && strcontains(google_monitoring_alert_policy.metric["requests-slow"].conditions[0].condition_prometheus_query_language[0].query, "service_name!~\"audit-relay-outbox|pos-sync|raffles-record\"")
    error_message = "An outbox that nobody empties is told; jobs may be slow."
  }
  assert {
    condition     = alltrue([for policy in concat(values(google_monitoring_alert_policy.metric), values(google_monitoring_alert_policy.log), values(google_monitoring_alert_policy.down)) : length(policy.notification_channels) == 1 && strcontains(policy.documentation[0].content, "docs/runbook.md")])
    error_message = "Each alert is mailed and says what to do."
  }
  assert {
    condition = alltrue([
      for policy in google_monitoring_alert_policy.metric : alltrue([
        for name in regexall("user_([a-z_]+?)(?:_bucket)?[{]", policy.conditions[0].condition_prometheus_query_language[0].query) :
        contains(concat(keys(google_logging_metric.event), ["request_failed", "request_latency"]), name[0])
      ])
    ])
    error_message = "An alert looks only at metrics of the log that exist."
  }
  assert {
    condition     = length(jsondecode(google_monitoring_dashboard.overview.dashboard_json).mosaicLayout.tiles) == 16
    error_message = "The dashboard is JSON."
  }

  assert {
    condition     = length(google_billing_budget.project) == 0
    error_message = "A budget needs a billing account."
  }
}

run "function_urls_need_no_load_balancer" {
  command = plan

  variables {
    edge   = "function_urls"
    domain = ""
  }

  assert {
    condition = length(concat(
      values(google_compute_backend_bucket.pages), values(google_compute_backend_service.function),
      values(google_compute_global_address.edge), values(google_compute_global_forwarding_rule.http),
      values(google_compute_global_forwarding_rule.https), values(google_compute_managed_ssl_certificate.edge),
      values(google_compute_region_network_endpoint_group.function), values(google_compute_security_policy.edge),
      values(google_compute_ssl_policy.edge), values(google_compute_target_http_proxy.redirect),
      values(google_compute_target_https_proxy.edge), values(google_compute_url_map.edge),
      values(google_compute_url_map.redirect),
    )) == 0
    error_message = "Nothing of the balancer exists, and nothing of it is paid for."
  }
  assert {
    condition     = local.route_urls["POST /api/raffles/{raffle_id}/draw"] == "https://function-of-the-shop.a.run.app/api/raffles/{raffle_id}/draw" && length(local.route_urls) == length(local.http)
    error_message = "Each route is found at its function's own URL."
  }
  assert {
    condition     = google_monitoring_uptime_check_config.ready["monitoring-ready"].monitored_resource[0].labels.host == "function-of-the-shop.a.run.app"
    error_message = "The readiness check asks the function itself."
  }
}

run "no_heartbeat_alert_without_heartbeats_and_a_budget_with_a_billing_account" {
  command = plan

  variables {
    log_level              = "WARNING"
    alert_email            = ""
    billing_account        = "0123AB-4567CD-89EF01"
    monthly_budget_dollars = 80
  }

  assert {
    condition     = length(setintersection(keys(google_monitoring_alert_policy.metric), ["outbox-silent"])) == 0 && length(google_monitoring_notification_channel.email) == 0
    error_message = "With a log level above INFO silence means nothing."
  }
  assert {
    condition     = google_billing_budget.project[0].amount[0].specified_amount[0].units == "80" && google_billing_budget.project[0].threshold_rules[*].threshold_percent == tolist([0.5, 0.9, 1])
    error_message = "The budget tells at 50, 90 and 100 %."
  }
}
