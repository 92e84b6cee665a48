locals {
  declarations = var.declarations != "" ? var.declarations : "${path.module}/generated/functions.json"
  # With public keys the shared secret checks nothing, so nobody gets it.
  functions = {
    for name, function in jsondecode(file(local.declarations)) : name => merge(function, {
      identity = "${function.domain}-${function.kind}"
      secrets  = [for secret in function.secrets : secret if secret != "JWT_SECRET" || var.jwt.jwks_url == ""]
    })
  }
  http   = { for name, function in local.functions : name => function if function.kind == "http" }
  pushed = { for name, function in local.functions : name => function if function.kind != "http" }
  jobs   = { for name, function in local.functions : name => function if function.kind == "job" }

  subscriptions = merge([
    for name, function in local.pushed : { for topic in function.topics : "${name}.${topic}" => { function = name, topic = topic } }
  ]...)
  topics = toset(flatten([for function in local.functions : concat(function.publishes, try(function.topics, []))]))

  # One service account for each domain and kind, with what its functions declare together.
  identities = {
    for identity, functions in { for function in local.functions : function.identity => function... } : identity => {
      secrets   = toset(flatten(functions[*].secrets))
      publishes = toset(flatten(functions[*].publishes))
      reads     = setsubtract(flatten(functions[*].reads), flatten(functions[*].writes))
      writes    = toset(flatten(functions[*].writes))
      queries   = anytrue(functions[*].queries)
    }
  }
  secrets = toset(flatten(values(local.functions)[*].secrets))

  environment_variables = merge(var.settings, {
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
