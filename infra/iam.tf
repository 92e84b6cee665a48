# Roles are granted on the resource. Project-wide are only those that exist for projects alone: running BigQuery jobs,
# and Firestore, where a condition names the database.

resource "google_service_account" "function" {
  for_each = local.identities

  account_id   = each.key
  display_name = "Functions: ${each.key}"
  depends_on   = [google_project_service.service]

  lifecycle {
    precondition {
      condition     = can(regex("^[a-z]([-a-z0-9]{4,28})[a-z0-9]$", each.key))
      error_message = "Account ${each.key}: a name has 6 to 30 characters. Rename the domain folder."
    }
    precondition {
      condition     = length(local.identities) <= 60
      error_message = "A project has 100 service accounts at most; these are too many for comfort."
    }
  }
}

resource "google_service_account" "push" {
  account_id   = "pubsub-push"
  display_name = "Pub/Sub's identity when it calls jobs and subscribers"
  depends_on   = [google_project_service.service]
}

# Pub/Sub makes tokens for the push identity.
resource "google_service_account_iam_member" "push_token" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_project_service_identity.agent["pubsub"].member
}

resource "google_project_iam_member" "firestore" {
  for_each = local.identities

  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.function[each.key].member

  condition {
    title      = "this-database"
    expression = "resource.name == \"projects/${var.project}/databases/${google_firestore_database.store.name}\""
  }
}

resource "google_project_iam_member" "bigquery_jobs" {
  for_each = { for name, identity in local.identities : name => identity if identity.queries }

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.function[each.key].member
}

resource "google_bigquery_table_iam_member" "function" {
  for_each = merge(
    { for grant in flatten([for name, identity in local.identities : [for table in identity.reads : { identity = name, table = table, role = "roles/bigquery.dataViewer" }]]) : "${grant.identity} reads ${grant.table}" => grant },
    { for grant in flatten([for name, identity in local.identities : [for table in identity.writes : { identity = name, table = table, role = "roles/bigquery.dataEditor" }]]) : "${grant.identity} writes ${grant.table}" => grant },
  )

  dataset_id = google_bigquery_table.table[each.value.table].dataset_id
  table_id   = google_bigquery_table.table[each.value.table].table_id
  role       = each.value.role
  member     = google_service_account.function[each.value.identity].member
}

# Tables that a load job fills and a MERGE empties are made and dropped by their function.
resource "google_bigquery_dataset_iam_member" "staging" {
  for_each = { for name, identity in local.identities : name => identity if identity.stages }

  dataset_id = google_bigquery_dataset.staging.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_service_account.function[each.key].member
}

resource "google_pubsub_topic_iam_member" "function" {
  for_each = merge([
    for name, identity in local.identities : { for topic in identity.publishes : "${name} to ${topic}" => { identity = name, topic = topic } }
  ]...)

  topic  = google_pubsub_topic.topic[each.value.topic].name
  role   = "roles/pubsub.publisher"
  member = google_service_account.function[each.value.identity].member
}

resource "google_secret_manager_secret_iam_member" "function" {
  for_each = merge([
    for name, identity in local.identities : { for secret in identity.secrets : "${name} reads ${secret}" => { identity = name, secret = secret } }
  ]...)

  secret_id = google_secret_manager_secret.secret[each.value.secret].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.function[each.value.identity].member
}
