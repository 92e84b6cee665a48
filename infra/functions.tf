resource "google_cloudfunctions2_function" "function" {
  #checkov:skip=CKV_GCP_124:HTTP functions are the public API; jobs and subscribers take internal traffic only
  for_each = local.functions

  name        = each.key
  location    = var.region
  description = each.value.kind == "http" ? "${each.value.method} ${each.value.path}" : "${each.value.kind}: ${join(", ", each.value.topics)}"

  build_config {
    runtime           = "python311"
    entry_point       = each.value.entryPoint
    docker_repository = google_artifact_registry_repository.functions.id
    service_account   = google_service_account.build.id

    source {
      storage_source {
        bucket = google_storage_bucket.archives.name
        object = "functions/${var.archive}.zip"
      }
    }
  }

  service_config {
    available_memory                 = each.value.memory
    available_cpu                    = each.value.cpu
    max_instance_request_concurrency = each.value.concurrency
    min_instance_count               = var.warm ? each.value.minInstances : 0
    max_instance_count               = each.value.maxInstances
    timeout_seconds                  = each.value.timeoutSeconds
    service_account_email            = google_service_account.function[each.value.identity].email
    # Pub/Sub counts as internal when it pushes to the run.app address of a function of its own project.
    ingress_settings               = each.value.kind != "http" ? "ALLOW_INTERNAL_ONLY" : local.balanced ? "ALLOW_INTERNAL_AND_GCLB" : "ALLOW_ALL"
    all_traffic_on_latest_revision = true
    # functions-framework serves as many requests at once as it has threads.
    environment_variables = merge(local.environment_variables, { THREADS = tostring(each.value.concurrency) })

    dynamic "secret_environment_variables" {
      for_each = toset(each.value.secrets)
      content {
        key        = secret_environment_variables.key
        project_id = var.project
        secret     = google_secret_manager_secret.secret[secret_environment_variables.key].secret_id
        version    = "latest"
      }
    }
  }

  lifecycle {
    precondition {
      condition     = can(regex("^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$", each.key))
      error_message = "Function ${each.key}: a name has at most 49 lower-case letters, digits and hyphens. Rename the file."
    }
    precondition {
      condition     = each.value.kind != "http" || contains(["public", "signature", "signed_in", "customer_or_admin", "service", "admin"], try(each.value.auth, ""))
      error_message = "Function ${each.key} says not who may call it, so it must not be open to everybody."
    }
  }

  depends_on = [
    google_artifact_registry_repository_iam_member.build,
    google_project_iam_member.build,
    google_project_service.service,
    google_secret_manager_secret_iam_member.function,
  ]
}

# Every HTTP function checks its caller itself: a token of ours, or a provider's signature, comes in the request. IAM
# cannot read either.
resource "google_cloud_run_v2_service_iam_member" "anyone" {
  #checkov:skip=CKV_GCP_102:the code authenticates; tests hold the authorisation matrix
  for_each = local.http

  name     = google_cloudfunctions2_function.function[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_service_iam_member" "push" {
  for_each = local.pushed

  name     = google_cloudfunctions2_function.function[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.push.member
}
