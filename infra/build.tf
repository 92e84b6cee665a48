# Who builds images from the archive.
resource "google_service_account" "build" {
  account_id   = "function-build"
  display_name = "Builds the functions' images"
  depends_on   = [google_project_service.service]
}

# Cloud Functions copies the archive to a bucket of its own, whose name only it knows: hence the project's objects.
resource "google_project_iam_member" "build" {
  for_each = toset(["roles/logging.logWriter", "roles/storage.objectViewer"])

  project = var.project
  role    = each.key
  member  = google_service_account.build.member
}

resource "google_artifact_registry_repository_iam_member" "build" {
  repository = google_artifact_registry_repository.functions.name
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

# Who deploys from Cloud Build. What it may do is what a deploy does; no primitive role.
locals {
  continuous = var.source_repository != ""
  deployer_roles = local.continuous ? toset([
    "roles/artifactregistry.admin", "roles/bigquery.admin", "roles/cloudbuild.builds.editor", "roles/cloudfunctions.admin",
    "roles/cloudkms.admin", "roles/cloudscheduler.admin", "roles/compute.loadBalancerAdmin", "roles/compute.securityAdmin",
    "roles/datastore.owner", "roles/iam.serviceAccountAdmin", "roles/iam.serviceAccountUser", "roles/logging.admin",
    "roles/monitoring.admin", "roles/pubsub.admin", "roles/resourcemanager.projectIamAdmin", "roles/run.admin",
    "roles/secretmanager.admin", "roles/serviceusage.serviceUsageAdmin", "roles/storage.admin",
  ]) : toset([])
}

resource "google_service_account" "deployer" {
  count = local.continuous ? 1 : 0

  account_id   = "deployer"
  display_name = "Deploys from Cloud Build"
  depends_on   = [google_project_service.service]
}

resource "google_project_iam_member" "deployer" {
  #checkov:skip=CKV_GCP_41:a deploy sets which account each function runs as
  #checkov:skip=CKV_GCP_49:a deploy sets who may do what in this project, which holds nothing else
  #checkov:skip=CKV_GCP_117:predefined roles of one project that holds this system alone
  for_each = local.deployer_roles

  project = var.project
  role    = each.key
  member  = google_service_account.deployer[0].member
}

# Two triggers of one file: every push is checked and planned; deploying waits for a person in production.
resource "google_cloudbuild_trigger" "plan" {
  count = local.continuous ? 1 : 0

  name            = "plan"
  location        = var.region
  description     = "Check, test, package and plan every push."
  service_account = google_service_account.deployer[0].id
  filename        = "cloudbuild.yaml"
  substitutions   = { _ENVIRONMENT = var.environment, _REGION = var.region, _APPLY = "false" }

  repository_event_config {
    repository = var.source_repository
    push {
      branch = ".*"
    }
  }
}

resource "google_cloudbuild_trigger" "deploy" {
  count = local.continuous ? 1 : 0

  name            = "deploy"
  location        = var.region
  description     = "Deploy what is on main."
  service_account = google_service_account.deployer[0].id
  filename        = "cloudbuild.yaml"
  substitutions   = { _ENVIRONMENT = var.environment, _REGION = var.region, _APPLY = "true" }

  approval_config {
    approval_required = var.environment == "production"
  }

  repository_event_config {
    repository = var.source_repository
    push {
      branch = "^main$"
    }
  }
}
