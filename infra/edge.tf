# One host in front of all functions: TLS, Cloud Armor and routing by path and method. Only with edge = load_balancer;
# each HTTP function takes one backend service, so a project needs as much of that quota as it has routes.
locals {
  route_urls = {
    for name, function in local.http : "${function.method} ${function.path}" => join("", [
      local.balanced ? "https://${var.domain}" : google_cloudfunctions2_function.function[name].service_config[0].uri, function.path,
    ])
  }

  # What a path looks like whatever its parameters are called. In the order of the alphabet a literal ("0") comes before
  # a parameter ("1") at the same place: /api/memberships/stats is never read as a customer of that name.
  path_shapes = {
    for name, function in local.http : name => join("/", [
      for segment in split("/", trim(function.path, "/")) : startswith(segment, "{") ? "1" : "0${segment}"
    ])
  }
  functions_of_shape = { for name, shape in local.path_shapes : shape => name... }

  # A function that has its path for itself gets every method and answers 405 as the code does. Where several share a
  # path, each gets its method and the preflights for it, and the first gets what nobody declares.
  routes = flatten([
    for shape, names in local.functions_of_shape : concat(
      [for name in names : { function = name, path = local.http[name].path, method = local.http[name].method } if length(names) > 1],
      [{ function = names[0], path = local.http[names[0]].path, method = "" }],
    )
  ])

  route_rules = [
    for route in local.routes : {
      function = route.function
      matches = flatten([
        # A slash at the end is the same route.
        for path in [route.path, "${route.path}/"] : [
          for headers in local.method_headers[route.method] : {
            literal  = strcontains(path, "{") ? null : path
            template = strcontains(path, "{") ? replace(path, "/\\{(\\w+)\\}/", "{$1=*}") : null
            headers  = headers
          }
        ]
      ])
    }
  ]
  # Each element is one way to match; all headers of one element must match.
  method_headers = merge({ "" = [{}] }, {
    for method in toset(values(local.http)[*].method) : method => concat(
      [for sent in method == "GET" ? ["GET", "HEAD"] : [method] : { ":method" = sent }],
      [{ ":method" = "OPTIONS", "Access-Control-Request-Method" = method }],
    )
  })
  # Answers 404 in our error shape below the API's prefixes: a light function that needs no sign-in.
  fallback = try([for name, function in local.http : name if startswith(function.path, "/health")][0], keys(local.http)[0], "")

  balanced_functions = local.balanced ? local.http : {}
  balancer           = local.balanced ? toset(["edge"]) : toset([])
}

resource "google_compute_region_network_endpoint_group" "function" {
  for_each = local.balanced_functions

  name                  = each.key
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    # A function of the second generation is a Cloud Run service of the same name.
    service = google_cloudfunctions2_function.function[each.key].name
  }

  # A route leaves the URL map before its function's backend is deleted, which is refused the other way round.
  lifecycle {
    create_before_destroy = true
  }

  depends_on = [google_project_service.service]
}

# No timeout here: a serverless backend refuses one, the function's own holds.
resource "google_compute_backend_service" "function" {
  for_each = local.balanced_functions

  name                  = each.key
  description           = "${each.value.method} ${each.value.path}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.edge["edge"].id

  backend {
    group = google_compute_region_network_endpoint_group.function[each.key].id
  }

  log_config {
    enable      = true
    sample_rate = 1
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_url_map" "edge" {
  for_each = local.balancer

  name            = each.key
  default_service = google_compute_backend_bucket.pages["edge"].id

  host_rule {
    hosts        = [var.domain]
    path_matcher = "routes"
  }

  path_matcher {
    name            = "routes"
    default_service = google_compute_backend_bucket.pages["edge"].id

    dynamic "route_rules" {
      for_each = local.route_rules
      content {
        priority = route_rules.key + 1
        service  = google_compute_backend_service.function[route_rules.value.function].id

        dynamic "match_rules" {
          for_each = route_rules.value.matches
          content {
            full_path_match     = match_rules.value.literal
            path_template_match = match_rules.value.template

            dynamic "header_matches" {
              for_each = match_rules.value.headers
              content {
                header_name = header_matches.key
                exact_match = header_matches.value
              }
            }
          }
        }
      }
    }

    route_rules {
      priority = length(local.route_rules) + 1
      service  = google_compute_backend_service.function[local.fallback].id

      dynamic "match_rules" {
        for_each = ["/api", "/health", "/.well-known"]
        content {
          full_path_match = match_rules.value
        }
      }
      dynamic "match_rules" {
        for_each = ["/api/", "/health/", "/.well-known/"]
        content {
          prefix_match = match_rules.value
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.http) > 0
      error_message = "No HTTP function is declared, so the load balancer has nothing to route to."
    }
    precondition {
      condition     = length(distinct([for name, shape in local.path_shapes : "${local.http[name].method} ${shape}"])) == length(local.http)
      error_message = "Two functions declare the same method and path. Change one of them."
    }
    precondition {
      condition = alltrue([for function in local.http : alltrue([
        can(regex("^(/([A-Za-z0-9._~-]+|\\{[A-Za-z][A-Za-z0-9_]{0,15}\\}))+$", function.path)),
        length(regexall("\\{", function.path)) <= 5,
        length(function.path) <= 200,
      ])])
      error_message = "The load balancer takes paths of at most 200 characters with at most 5 parameters, whose names have at most 16 letters, digits and _. Rename the parameter."
    }
  }
}
