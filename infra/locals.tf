locals {
  declarations = var.declarations != "" ? var.declarations : "${path.module}/generated/functions.json"
  # The declarations of an earlier archive lack what came later.
  functions = {
    for name, function in jsondecode(file(local.declarations)) : name => merge(function, {
      identity = "${function.domain}-${function.kind}"
      stages   = try(function.stages, false)
      secrets = concat(
        # With public keys the shared secret checks nothing, so nobody gets it.
        [for secret in function.secrets : secret if secret != "JWT_SECRET" || var.jwt.jwks_url == ""],
        # A provider's begin with its name: SQUARE_ACCESS_TOKEN, AUTHORIZE_NET_SIGNATURE_KEY.
        [for secret in try(function.optionalSecrets, []) : secret if anytrue([for name in var.integrations : startswith(secret, "${upper(name)}_")])],
      )
    })
  }
  http   = { for name, function in local.functions : name => function if function.kind == "http" }
  pushed = { for name, function in local.functions : name => function if function.kind != "http" }
  jobs   = { for name, function in local.functions : name => function if function.kind == "job" }

  # What the Cloud Scheduler publishes: for each job, and for each schedule of a subscriber.
  schedules = merge(
    { for name, job in local.jobs : name => { function = name, topic = job.topics[0], cron = job.schedule, data = "{}" } },
    [
      for name, function in local.pushed : {
        for schedule in try(function.schedules, []) : replace(schedule.name, "_", "-") => {
          function = name, topic = function.topics[0], cron = schedule.schedule, data = jsonencode(schedule.data)
        }
      }
    ]...
  )

  subscriptions = merge([
    for name, function in local.pushed : { for topic in function.topics : "${name}.${topic}" => { function = name, topic = topic } }
  ]...)
  # Where Pub/Sub puts what a subscriber has failed on as often as it may.
  dead_letters = "dead-letters"
  topics       = toset(concat([local.dead_letters], flatten([for function in local.functions : concat(function.publishes, try(function.topics, []))])))

  # One service account for each domain and kind, with what its functions declare together.
  identities = {
    for identity, functions in { for function in local.functions : function.identity => function... } : identity => {
      secrets   = toset(flatten(functions[*].secrets))
      publishes = toset(flatten(functions[*].publishes))
      reads     = setsubtract(flatten(functions[*].reads), flatten(functions[*].writes))
      writes    = toset(flatten(functions[*].writes))
      queries   = anytrue(functions[*].queries)
      stages    = anytrue(functions[*].stages)
    }
  }
  secrets = toset(flatten(values(local.functions)[*].secrets))

  # The functions' own alerts are mailed to who gets those of Cloud Monitoring, unless the settings name others.
  environment_variables = merge({ ALERT_EMAILS = var.alert_email }, var.settings, {
    BIGQUERY_LOCATION    = var.region
    CORS_ORIGINS         = join(",", var.cors_origins)
    ENVIRONMENT          = var.environment
    GOOGLE_CLOUD_PROJECT = var.project
    JWT_AUDIENCE         = var.jwt.audience
    JWT_ISSUER           = var.jwt.issuer
    JWT_JWKS_URL         = var.jwt.jwks_url
    LOG_LEVEL            = var.log_level
    PUBLIC_URL           = local.public_url
    STORE_TIMEZONE       = var.store_timezone
    # The load balancer adds the client's address and its own to X-Forwarded-For; at a function URL the last is the client.
    TRUSTED_PROXY_HOPS = local.balanced ? "1" : "0"
    VERSION            = substr(var.archive, 0, 12)
  })
  balanced = var.edge == "load_balancer"
  public_url = var.public_url != "" ? var.public_url : (
    local.balanced ? "https://${var.domain}" : "https://${var.region}-${var.project}.cloudfunctions.net"
  )
}
