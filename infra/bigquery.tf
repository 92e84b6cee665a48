# One table for each file of schemas/, one view for each of views/ (`<dataset>.<view>.sql`).
locals {
  tables = {
    for file in fileset("${path.module}/schemas", "*.json") : trimsuffix(file, ".json") => jsondecode(file("${path.module}/schemas/${file}"))
  }
  views = {
    for file in fileset("${path.module}/views", "*.sql") : trimsuffix(file, ".sql") => {
      dataset = split(".", file)[0]
      view    = split(".", file)[1]
      query   = file("${path.module}/views/${file}")
    }
  }
}

resource "google_bigquery_dataset" "dataset" {
  #checkov:skip=CKV_GCP_15:nobody is granted the dataset; functions are granted single tables in iam.tf
  #checkov:skip=CKV_GCP_81:tables with personal data are encrypted with our key one by one; the others hold none
  for_each = toset([for table in local.tables : table.dataset])

  dataset_id                 = each.key
  location                   = var.region
  description                = "Record and analytics of the shop."
  delete_contents_on_destroy = !var.deletion_protection
  max_time_travel_hours      = "168"

  depends_on = [google_project_service.service]
}

# Rows on their way into a table: whoever stages them drops them, and what a crash left is gone after a day.
resource "google_bigquery_dataset" "staging" {
  #checkov:skip=CKV_GCP_15:granted in iam.tf to the accounts of functions that stage rows, and to nobody else
  dataset_id                  = "staging"
  location                    = var.region
  description                 = "Rows on their way into a table. Gone after a day."
  default_table_expiration_ms = 24 * 60 * 60 * 1000
  delete_contents_on_destroy  = true
  max_time_travel_hours       = "48"

  default_encryption_configuration {
    kms_key_name = google_kms_crypto_key.personal.id
  }

  depends_on = [google_kms_crypto_key_iam_member.personal]
}

resource "google_bigquery_table" "table" {
  #checkov:skip=CKV_GCP_80:encrypted with our key where the schema says `personal`; the others hold nothing personal
  #checkov:skip=CKV_GCP_121:protected in production by var.deletion_protection, which a destroy must be able to lift
  for_each = local.tables

  dataset_id               = google_bigquery_dataset.dataset[each.value.dataset].dataset_id
  table_id                 = each.value.table
  description              = each.value.description
  schema                   = jsonencode(each.value.columns)
  clustering               = try(each.value.clustering, null)
  require_partition_filter = try(each.value.partitioning.requirePartitionFilter, false)
  deletion_protection      = var.deletion_protection

  dynamic "time_partitioning" {
    for_each = try([each.value.partitioning], [])
    content {
      field         = time_partitioning.value.field
      type          = time_partitioning.value.type
      expiration_ms = try(time_partitioning.value.expirationDays * 24 * 60 * 60 * 1000, null)
    }
  }

  dynamic "encryption_configuration" {
    for_each = try(each.value.personal, false) ? [google_kms_crypto_key.personal.id] : []
    content {
      kms_key_name = encryption_configuration.value
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.personal]
}

resource "google_bigquery_table" "view" {
  #checkov:skip=CKV_GCP_80:a view holds no data
  #checkov:skip=CKV_GCP_121:a view holds no data
  for_each = local.views

  dataset_id          = google_bigquery_dataset.dataset[each.value.dataset].dataset_id
  table_id            = each.value.view
  deletion_protection = false

  view {
    query          = each.value.query
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.table]
}
