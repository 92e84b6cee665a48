# What the variables refuse, and what follows from the declarations of a made-up shop (tests/functions.json).

mock_provider "google" {}
mock_provider "google-beta" {}

variables {
  project      = "shop-staging"
  region       = "us-south1"
  environment  = "staging"
  archive      = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  declarations = "tests/functions.json"
}

run "everything_declared_is_deployed" {
  command = plan

  assert {
    condition     = length(google_cloudfunctions2_function.function) == 5
    error_message = "Each declared function is one Cloud Function."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["things-get"].build_config[0].source[0].storage_source[0].object == "functions/${var.archive}.zip"
    error_message = "Functions are built from the archive of the given hash."
  }
  assert {
    condition     = alltrue([for name, f in google_cloudfunctions2_function.function : f.service_config[0].environment_variables.THREADS == tostring(f.service_config[0].max_instance_request_concurrency)])
    error_message = "A function serves as many requests at once as Cloud Run sends it."
  }
  assert {
    condition     = toset(keys(google_service_account.function)) == toset(["things-http", "things-job", "things-subscriber"])
    error_message = "One service account for each domain and kind."
  }
  assert {
    condition     = toset(keys(google_pubsub_topic.topic)) == toset(["dead-letters", "security-events", "thing-events", "tidy-things"])
    error_message = "Every topic that is published to or listened to exists once, and that of dead letters."
  }
  assert {
    condition     = google_pubsub_subscription.push["things-record.thing-events"].enable_message_ordering
    error_message = "A subscriber that declares order gets it."
  }
  assert {
    condition     = alltrue([for job in google_cloud_scheduler_job.job : job.time_zone == "America/Chicago"])
    error_message = "Schedules are in the store's time."
  }
  assert {
    condition = { for name, job in google_cloud_scheduler_job.job : name => [job.schedule, jsondecode(base64decode(job.pubsub_target[0].data))] } == {
      things-tidy  = ["0 3 * * *", {}]
      count-things = ["0 4 * * MON", { mode = "full" }]
    }
    error_message = "A job and each schedule of a subscriber is published with its data."
  }
  assert {
    condition     = keys(google_bigquery_dataset_iam_member.staging) == ["things-subscriber"]
    error_message = "Who stages rows may make tables in the dataset for it."
  }

  assert {
    condition     = toset(keys(google_cloud_run_v2_service_iam_member.anyone)) == toset(["things-create", "things-get", "things-stats"])
    error_message = "Only HTTP functions, which check their caller, are open."
  }
  assert {
    condition     = alltrue([for name in ["things-record", "things-tidy"] : google_cloudfunctions2_function.function[name].service_config[0].ingress_settings == "ALLOW_INTERNAL_ONLY"])
    error_message = "Jobs and subscribers take internal traffic only."
  }
  assert {
    condition     = toset(keys(google_secret_manager_secret_iam_member.function)) == toset(["things-http reads CUSTOMER_HASH_KEY", "things-http reads JWT_SECRET", "things-job reads THING_KEY"])
    error_message = "Secrets are granted to those who declare them."
  }
  assert {
    condition     = google_firestore_database.store.delete_protection_state == "DELETE_PROTECTION_ENABLED" && alltrue([for table in google_bigquery_table.table : table.deletion_protection])
    error_message = "Data is protected unless the owner says otherwise."
  }
}

run "providers_public_keys_warm_instances_and_a_trigger_where_asked" {
  command = plan

  variables {
    environment       = "production"
    integrations      = ["square", "authorize_net"]
    jwt               = { jwks_url = "https://id.shop.example/jwks.json" }
    source_repository = "projects/shop-staging/locations/us-south1/connections/code/repositories/shop"
    warm              = true
  }

  assert {
    condition     = toset(keys(google_secret_manager_secret.secret)) == toset(["AUTHORIZE_NET_TRANSACTION_KEY", "CUSTOMER_HASH_KEY", "SQUARE_ACCESS_TOKEN", "THING_KEY"])
    error_message = "An optional secret is made for a provider that is used, and for no other; one that checks nothing is not made."
  }
  assert {
    condition     = contains(google_cloudfunctions2_function.function["things-tidy"].service_config[0].secret_environment_variables[*].key, "SQUARE_ACCESS_TOKEN")
    error_message = "Who declares it gets it."
  }
  assert {
    condition     = google_cloudfunctions2_function.function["things-get"].service_config[0].min_instance_count == 1
    error_message = "With warm, the declared least number of instances is kept."
  }
  assert {
    condition     = google_cloudbuild_trigger.deploy[0].approval_config[0].approval_required
    error_message = "Production is deployed after an approval."
  }
}

run "refuses_what_the_api_would_refuse_late" {
  command = plan
  variables {
    alert_email     = "one@shop.example two@shop.example"
    archive         = "abc123"
    billing_account = "123"
    cors_origins    = ["*"]
    environment     = "test"
    jwt             = { jwks_url = "http://id.shop.example/jwks.json" }
    log_level       = "verbose"
    project         = "123456789"
    public_url      = "https://shop.example/api"
    region          = "us-central1-a"
    settings        = { AUTH_MODE = "disabled" }
    store_timezone  = "CST"
  }
  expect_failures = [
    var.alert_email, var.archive, var.billing_account, var.cors_origins, var.environment, var.jwt, var.log_level,
    var.project, var.public_url, var.region, var.settings, var.store_timezone,
  ]
}

run "refuses_more_of_it" {
  command = plan
  variables {
    cors_origins           = ["https://shop.example/"]
    edge                   = "load_balancer"
    integrations           = ["square", "another"]
    jwt                    = { issuer = "" }
    kms_key_ring           = "a ring"
    monthly_budget_dollars = 0.5
    project                = "a-project-id-that-is-too-long-for-it"
    region                 = "US"
    settings               = { SQUARE_ACCESS_TOKEN = "example" }
    source_repository      = "shop/repository"
  }
  expect_failures = [
    var.cors_origins, var.domain, var.integrations, var.jwt, var.kms_key_ring, var.monthly_budget_dollars, var.project,
    var.region, var.settings, var.source_repository,
  ]
}
