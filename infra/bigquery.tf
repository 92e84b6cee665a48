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
  #checkov:skip=CKV_GCP_81:encrypted with Google's keys: what is personal never reaches BigQuery unsealed
  for_each = toset([for table in local.tables : table.dataset])

  dataset_id                 = each.key
  location                   = var.region
  description                = "Record and analytics of the shop."
  delete_contents_on_destroy = !var.deletion_protection
  max_time_travel_hours      = "168"

  depends_on = [google_project_service.service]
}

resource "google_bigquery_table" "table" {
  #checkov:skip=CKV_GCP_80:encrypted with Google's keys: what is personal never reaches BigQuery unsealed
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
      expiration_ms = try(time_partitioning.value.expirationDays, null) == null ? null : time_partitioning.value.expirationDays * 24 * 60 * 60 * 1000
    }
  }
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
