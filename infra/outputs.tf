output "archive" {
  description = "SHA-256 of the archive that runs."
  value       = var.archive
}

output "archives_bucket" {
  description = "Where archives are kept for a roll-back."
  value       = google_storage_bucket.archives.name
}

output "function_names" {
  description = "Every deployed function."
  value       = sort(keys(local.functions))
}

output "load_balancer_ip" {
  description = "Address that the domain's A record must name; null with function URLs."
  value       = one(values(google_compute_global_address.edge)[*].address)
}

output "public_url" {
  description = "Base URL of the API, `iss` of age tokens."
  value       = local.public_url
}

output "route_urls" {
  description = "\"METHOD /path\" to URL, path parameters left in braces. The pages read it from config.json."
  value       = local.route_urls
}

output "secrets" {
  description = "Names of the secrets, each of which needs a version before the functions are deployed."
  value       = sort(local.secrets)
}
