# infra/firestore.json: what the queries and the life of the documents need; a test derives it from the code.
locals {
  firestore = jsondecode(file("${path.module}/firestore.json"))
  indexes = {
    for index in local.firestore.indexes : "${index.collection}: ${join(", ", [for field in index.fields : "${field.path} ${field.order}"])}" => index
  }
  unindexed = merge([
    for collection, fields in local.firestore.unindexed : { for field in fields : "${collection}.${field}" => { collection = collection, field = field } }
  ]...)
}

resource "google_firestore_database" "store" {
  # The client libraries' default, which is also the one with a free daily quota.
  name                              = "(default)"
  location_id                       = var.region
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "OPTIMISTIC"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.deletion_protection ? "ABANDON" : "DELETE"

  depends_on = [google_project_service.service]
}

resource "google_firestore_field" "ttl" {
  for_each = local.firestore.ttl

  database   = google_firestore_database.store.name
  collection = each.key
  field      = each.value
  # Times that only grow make a hot index, and nothing asks by them.
  index_config {}
  ttl_config {}
}

resource "google_firestore_field" "unindexed" {
  for_each = local.unindexed

  database   = google_firestore_database.store.name
  collection = each.value.collection
  field      = each.value.field
  index_config {}
}

resource "google_firestore_index" "index" {
  for_each = local.indexes

  database    = google_firestore_database.store.name
  collection  = each.value.collection
  query_scope = "COLLECTION"

  dynamic "fields" {
    for_each = each.value.fields
    content {
      field_path = fields.value.path
      order      = fields.value.order
    }
  }
}

resource "google_firestore_backup_schedule" "daily" {
  database  = google_firestore_database.store.name
  retention = "604800s"
  daily_recurrence {}
}

resource "google_firestore_backup_schedule" "weekly" {
  database  = google_firestore_database.store.name
  retention = "8467200s"
  weekly_recurrence {
    day = "SUNDAY"
  }
}
