# Terraform makes the secrets, never their values: those would lie in its state. `make secrets` gives each its first
# version, and functions read the latest when an instance starts.

resource "google_kms_key_ring" "ring" {
  name       = var.kms_key_ring
  location   = var.region
  depends_on = [google_project_service.service]
}

# Wraps the secrets, and with them the service key that wraps each customer's data key.
resource "google_kms_crypto_key" "secrets" {
  #checkov:skip=CKV_GCP_82:a key is destroyed only when its owner takes the system away with deletion_protection = false
  name                       = "secrets"
  key_ring                   = google_kms_key_ring.ring.id
  rotation_period            = "7776000s"
  destroy_scheduled_duration = "2592000s"
}

resource "google_kms_crypto_key_iam_member" "secrets" {
  crypto_key_id = google_kms_crypto_key.secrets.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = google_project_service_identity.agent["secretmanager"].member
}

# Encrypts what is personal in BigQuery.
resource "google_kms_crypto_key" "personal" {
  #checkov:skip=CKV_GCP_82:a key is destroyed only when its owner takes the system away with deletion_protection = false
  name                       = "personal"
  key_ring                   = google_kms_key_ring.ring.id
  rotation_period            = "7776000s"
  destroy_scheduled_duration = "2592000s"
}

# BigQuery makes its account for encryption when it is asked for it.
data "google_bigquery_default_service_account" "agent" {
  depends_on = [google_project_service.service]
}

resource "google_kms_crypto_key_iam_member" "personal" {
  crypto_key_id = google_kms_crypto_key.personal.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = data.google_bigquery_default_service_account.agent.member
}

resource "google_secret_manager_secret" "secret" {
  for_each = local.secrets

  secret_id           = each.key
  deletion_protection = var.deletion_protection

  replication {
    user_managed {
      replicas {
        location = var.region
        customer_managed_encryption {
          kms_key_name = google_kms_crypto_key.secrets.id
        }
      }
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.secrets]
}
