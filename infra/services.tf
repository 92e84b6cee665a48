locals {
  services = toset(concat(
    [
      "artifactregistry", "bigquery", "cloudbuild", "cloudfunctions", "cloudkms", "cloudscheduler", "firestore", "iam",
      "logging", "monitoring", "pubsub", "run", "secretmanager", "storage",
    ],
    local.balanced ? ["compute"] : [],
    var.billing_account != "" ? ["billingbudgets"] : [],
  ))
}

resource "google_project_service" "service" {
  for_each = local.services

  service = "${each.key}.googleapis.com"
  # Other things in the project may need them.
  disable_on_destroy = false
}

# Google's own accounts, which act for us: Pub/Sub signs pushes and moves dead letters, Secret Manager and Cloud
# Storage use our key.
resource "google_project_service_identity" "agent" {
  for_each = toset(["pubsub", "secretmanager"])
  provider = google-beta

  service    = "${each.key}.googleapis.com"
  depends_on = [google_project_service.service]
}
