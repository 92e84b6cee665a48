# In the order of the alphabet. Every validation says what the API would refuse only in the middle of an apply.

variable "alert_email" {
  description = "Address that alerts are mailed to. Empty: alerts are shown in the console only."
  type        = string
  default     = ""

  validation {
    condition     = var.alert_email == "" || can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.alert_email))
    error_message = "alert_email must be one e-mail address, or empty."
  }
}

variable "archive" {
  description = "SHA-256 of the source archive, in hex: the object functions/<archive>.zip of the archives bucket."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.archive))
    error_message = "archive must be the 64 hex digits that `make package` prints."
  }
}

variable "billing_account" {
  description = "Billing account of the budget alert (000000-000000-000000). Empty: no budget."
  type        = string
  default     = ""

  validation {
    condition     = var.billing_account == "" || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.billing_account))
    error_message = "billing_account must look like 0123AB-4567CD-89EF01, or be empty."
  }
}

variable "cors_origins" {
  description = "Origins whose pages may call the API, such as https://shop.example."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https?://[a-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "cors_origins are scheme and host without a path or a last slash, and never *."
  }
}

variable "declarations" {
  description = "Path of the functions.json that belongs to the archive. Empty: generated/functions.json."
  type        = string
  default     = ""
}

variable "deletion_protection" {
  description = "Whether data (Firestore, BigQuery tables, keys, buckets with objects) survives a destroy."
  type        = bool
  default     = true
}

variable "domain" {
  description = "Host name of the load balancer, such as api.shop.example. Needed with edge = load_balancer."
  type        = string
  default     = ""

  validation {
    condition     = var.domain == "" || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain))
    error_message = "domain must be a host name in lower case, without a scheme or a path."
  }

  validation {
    condition     = var.edge != "load_balancer" || var.domain != ""
    error_message = "edge = load_balancer needs a domain: the certificate is made for it."
  }
}

variable "edge" {
  description = "What stands in front: each function's own URL, or one host with a load balancer and Cloud Armor."
  type        = string
  default     = "function_urls"

  validation {
    condition     = contains(["function_urls", "load_balancer"], var.edge)
    error_message = "edge is function_urls or load_balancer."
  }
}

variable "environment" {
  description = "staging or production. Sandbox customers exist in staging only."
  type        = string

  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "environment is staging or production."
  }
}

variable "integrations" {
  description = "Providers whose credentials the functions get: square, lightspeed, authorize_net, smtp, slack, pagerduty. Without the first two data are made up, in staging only; without authorize_net nothing can be paid; without smtp mails wait; without the last two the functions' own alerts go by e-mail (ALERT_EMAILS in settings) or into the log alone."
  type        = list(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.integrations, ["square", "lightspeed", "authorize_net", "smtp", "slack", "pagerduty"])) == 0
    error_message = "integrations are square, lightspeed, authorize_net, smtp, slack and pagerduty."
  }
}

variable "jwt" {
  description = "What callers' tokens must carry. With jwks_url tokens are checked by public keys and JWT_SECRET is not granted."
  type = object({
    audience = optional(string, "livhana-api")
    issuer   = optional(string, "livhana")
    jwks_url = optional(string, "")
  })
  default = {}

  validation {
    condition     = var.jwt.jwks_url == "" || startswith(var.jwt.jwks_url, "https://")
    error_message = "jwt.jwks_url must begin with https://: keys fetched in the clear could be anybody's."
  }

  validation {
    condition     = var.jwt.audience != "" && var.jwt.issuer != ""
    error_message = "jwt.audience and jwt.issuer must not be empty: tokens are checked against them."
  }
}

variable "kms_key_ring" {
  description = "Name of the key ring. A ring can never be deleted: take a new name to deploy again after a destroy."
  type        = string
  default     = "livhana"

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,63}$", var.kms_key_ring))
    error_message = "kms_key_ring has 1 to 63 letters, digits, _ or -."
  }
}

variable "log_level" {
  description = "Least severity that functions log."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "log_level is DEBUG, INFO, WARNING or ERROR."
  }
}

variable "monthly_budget_dollars" {
  description = "Dollars a month at which the budget alert fires (also at 50 and 90 %)."
  type        = number
  default     = 50

  validation {
    condition     = var.monthly_budget_dollars >= 1 && floor(var.monthly_budget_dollars) == var.monthly_budget_dollars
    error_message = "monthly_budget_dollars is a whole number, 1 or more."
  }
}

variable "project" {
  description = "Google Cloud project id; one project for each environment."
  type        = string

  validation {
    # Bucket names add "-archives" and may have 63 characters, which a project id of at most 30 leaves room for.
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project is the project id: 6 to 30 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "public_url" {
  description = "Base URL of the API, `iss` of age tokens. Empty: follows from edge, domain, region and project."
  type        = string
  default     = ""

  validation {
    condition     = var.public_url == "" || can(regex("^https://[^/\\s]+$", var.public_url))
    error_message = "public_url is https:// and a host, without a path or a last slash."
  }
}

variable "region" {
  description = "Region of functions, data and keys."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.region))
    error_message = "region is one region such as us-central1 or us-south1; a zone or a multi-region does not run functions."
  }
}

variable "settings" {
  description = "More environment variables for every function: docs/settings.md. Never secrets."
  type        = map(string)
  default     = {}

  validation {
    condition = length(setintersection(keys(var.settings), [
      "AUTH_MODE", "BIGQUERY_LOCATION", "CLOCK_FILE", "CORS_ORIGINS", "DRAND_CHAIN", "ENVIRONMENT", "GOOGLE_CLOUD_PROJECT",
      "JWT_AUDIENCE", "JWT_ISSUER", "JWT_JWKS_URL", "K_SERVICE", "LOG_LEVEL", "PUBLIC_URL", "STORE_TIMEZONE", "THREADS", "TRUSTED_PROXY_HOPS", "VERSION",
    ])) == 0
    error_message = "settings must not set what other variables decide, nor what exists on a developer's machine only."
  }

  validation {
    condition     = alltrue([for name in keys(var.settings) : !can(regex("(KEY|SECRET|TOKEN|PASSWORD)$", name))])
    error_message = "settings are not secret: declare a secret with secrets= on the function."
  }
}

variable "source_repository" {
  description = "Cloud Build repository (projects/P/locations/L/connections/C/repositories/R) whose pushes deploy. Empty: none."
  type        = string
  default     = ""

  validation {
    condition = var.source_repository == "" || can(
      regex("^projects/[^/]+/locations/[^/]+/connections/[^/]+/repositories/[^/]+$", var.source_repository)
    )
    error_message = "source_repository is projects/P/locations/L/connections/C/repositories/R."
  }
}

variable "store_timezone" {
  description = "IANA time zone of schedules and daily figures."
  type        = string
  default     = "America/Chicago"

  validation {
    condition     = can(regex("^([A-Z][A-Za-z_]+/[A-Za-z_/-]+|Etc/UTC)$", var.store_timezone))
    error_message = "store_timezone is an IANA name such as America/Chicago."
  }
}

variable "warm" {
  description = "Whether functions keep the instances that they declare as their least; else all of them begin from nothing."
  type        = bool
  default     = false
}
