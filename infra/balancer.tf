# What stands before the routes of edge.tf: address, certificate, listeners, Cloud Armor.

resource "google_compute_global_address" "edge" {
  for_each = local.balancer

  name       = each.key
  depends_on = [google_project_service.service]
}

# Valid once the domain's A record points to the address: up to an hour after that.
resource "google_compute_managed_ssl_certificate" "edge" {
  for_each = local.balancer

  # The name follows the domain, because a certificate in use can neither be changed nor deleted.
  name = "edge-${substr(sha256(var.domain), 0, 8)}"

  managed {
    domains = [var.domain]
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [google_project_service.service]
}

resource "google_compute_ssl_policy" "edge" {
  for_each = local.balancer

  name            = each.key
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
  depends_on      = [google_project_service.service]
}

resource "google_compute_target_https_proxy" "edge" {
  for_each = local.balancer

  name             = each.key
  url_map          = google_compute_url_map.edge["edge"].id
  ssl_certificates = [google_compute_managed_ssl_certificate.edge["edge"].id]
  ssl_policy       = google_compute_ssl_policy.edge["edge"].id
}

resource "google_compute_global_forwarding_rule" "https" {
  for_each = local.balancer

  name                  = "edge-https"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.edge["edge"].id
  port_range            = "443"
  target                = google_compute_target_https_proxy.edge["edge"].id
}

resource "google_compute_url_map" "redirect" {
  for_each = local.balancer

  name = "redirect-to-https"

  default_url_redirect {
    https_redirect = true
    strip_query    = false
    # 308: a POST stays a POST.
    redirect_response_code = "PERMANENT_REDIRECT"
  }

  depends_on = [google_project_service.service]
}

resource "google_compute_target_http_proxy" "redirect" {
  for_each = local.balancer

  name    = "redirect-to-https"
  url_map = google_compute_url_map.redirect["edge"].id
}

resource "google_compute_global_forwarding_rule" "http" {
  for_each = local.balancer

  name                  = "edge-http"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.edge["edge"].id
  port_range            = "80"
  target                = google_compute_target_http_proxy.redirect["edge"].id
}

# Floods end here, before they cost an instance. The limits lie above those that the code keeps for each caller (1000 a
# minute for an admin), so that an ordinary caller gets our 429 with RateLimit headers, never this one. No rules against
# injection: every field is checked against its schema, and names such as O'Brien would trip them. Adaptive protection
# is off: it belongs to a paid tier and needs traffic to learn from that a shop does not have.
resource "google_compute_security_policy" "edge" {
  #checkov:skip=CKV_GCP_73:no Java runs behind it
  for_each = local.balancer

  name        = each.key
  description = "Rate limits for each address."

  # Guessing at people is done without signing in. A made-up token does not help: the code counts it by address.
  rule {
    priority    = 1000
    description = "Age verification without a token."
    action      = "throttle"

    match {
      expr {
        expression = "request.method == 'POST' && request.path.startsWith('/api/age-verification/') && !has(request.headers['authorization'])"
      }
    }

    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"

      rate_limit_threshold {
        count        = 60
        interval_sec = 60
      }
    }
  }

  rule {
    priority    = 2000
    description = "Everything else."
    action      = "throttle"

    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }

    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"

      rate_limit_threshold {
        count        = 1200
        interval_sec = 60
      }
    }
  }

  rule {
    # Every policy must have this last rule.
    priority    = 2147483647
    description = "Default."
    action      = "allow"

    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }

  depends_on = [google_project_service.service]
}
