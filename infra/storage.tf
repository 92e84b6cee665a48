# Archives of the functions: functions/<sha256>.zip and, beside it, the declarations it was built with. They are
# uploaded by `make deploy`, so that the earlier ones stay for a roll-back.
resource "google_storage_bucket" "archives" {
  #checkov:skip=CKV_GCP_62:who read or wrote is in the project's audit log; a second access log would only cost
  name                        = "${var.project}-archives"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection

  versioning {
    enabled = true
  }

  # Half a year of roll-back; the one that runs is renewed by every deploy.
  lifecycle_rule {
    condition {
      age = 180
    }
    action {
      type = "Delete"
    }
  }
  lifecycle_rule {
    condition {
      num_newer_versions = 3
      with_state         = "ARCHIVED"
    }
    action {
      type = "Delete"
    }
  }

  depends_on = [google_project_service.service]
}

resource "google_artifact_registry_repository" "functions" {
  #checkov:skip=CKV_GCP_84:images are built from an archive that holds no secret and no personal data
  repository_id = "functions"
  location      = var.region
  format        = "DOCKER"
  description   = "Images that Cloud Functions builds from the archive."

  cleanup_policies {
    id     = "keep-the-last"
    action = "KEEP"
    most_recent_versions {
      keep_count = 3
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "2592000s"
    }
  }

  depends_on = [google_project_service.service]
}
