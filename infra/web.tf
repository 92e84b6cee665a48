# The static pages of web/. With edge = load_balancer they share the API's host; else they are at
# https://storage.googleapis.com/<project>-pages/, so their links among each other are relative.
locals {
  pages_folder = "${path.module}/../web"
  # Only these are published: notes, tests and package manifests in web/ have no business on the site.
  content_types = {
    css   = "text/css; charset=utf-8"
    gif   = "image/gif"
    html  = "text/html; charset=utf-8"
    ico   = "image/x-icon"
    jpg   = "image/jpeg"
    js    = "text/javascript; charset=utf-8"
    json  = "application/json"
    mjs   = "text/javascript; charset=utf-8"
    png   = "image/png"
    svg   = "image/svg+xml"
    txt   = "text/plain; charset=utf-8"
    webp  = "image/webp"
    woff2 = "font/woff2"
  }
  page_files = {
    for file in fileset(local.pages_folder, "**") : file => reverse(split(".", file))[0]
    if contains(keys(local.content_types), reverse(split(".", file))[0]) && file != "config.json"
    && !can(regex("(^|/)(\\.[^/]*|node_modules|tests?|package(-lock)?\\.json)(/|$)", file))
  }
  # checkout.html is also /checkout, account/index.html also /account.
  pages = merge({ for file, kind in local.page_files : file => file }, {
    for file, kind in local.page_files : trimsuffix(trimsuffix(file, ".html"), "/index") => file if kind == "html" && file != "index.html"
  })
}

resource "google_storage_bucket" "pages" {
  #checkov:skip=CKV_GCP_62:public pages; who reads them is nobody's business
  #checkov:skip=CKV_GCP_114:a public web site
  name                        = "${var.project}-pages"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "inherited"
  # All of it is in the repository.
  force_destroy = true

  website {
    main_page_suffix = "index.html"
    not_found_page   = "404.html"
  }

  versioning {
    enabled = true
  }

  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 30
    }
    action {
      type = "Delete"
    }
  }

  depends_on = [google_project_service.service]
}

# Reads objects and does not list them.
resource "google_storage_bucket_iam_member" "pages" {
  #checkov:skip=CKV_GCP_28:a public web site
  bucket = google_storage_bucket.pages.name
  role   = "roles/storage.legacyObjectReader"
  member = "allUsers"
}

resource "google_storage_bucket_object" "page" {
  for_each = local.pages

  bucket         = google_storage_bucket.pages.name
  name           = each.key
  source         = "${local.pages_folder}/${each.value}"
  source_md5hash = filemd5("${local.pages_folder}/${each.value}")
  content_type   = local.content_types[local.page_files[each.value]]
  # No name carries a hash, so a new version must arrive by itself.
  cache_control = contains(["html", "json"], local.page_files[each.value]) ? "public, max-age=60" : "public, max-age=3600"
}

# Where the pages find the API: the URL of each "METHOD /path", with its {parameters} left in.
resource "google_storage_bucket_object" "config" {
  bucket        = google_storage_bucket.pages.name
  name          = "config.json"
  content_type  = "application/json"
  cache_control = "no-cache"

  content = jsonencode({
    apiBase     = local.balanced ? "https://${var.domain}" : ""
    routes      = local.route_urls
    environment = var.environment
  })
}

resource "google_compute_backend_bucket" "pages" {
  for_each = local.balancer

  name        = "pages"
  bucket_name = google_storage_bucket.pages.name

  custom_response_headers = [
    "Strict-Transport-Security: max-age=63072000; includeSubDomains",
    "X-Content-Type-Options: nosniff",
    "X-Frame-Options: DENY",
    "Referrer-Policy: no-referrer",
    "Content-Security-Policy: script-src 'self'; object-src 'none'; base-uri 'self'; frame-ancestors 'none'",
  ]

  depends_on = [google_project_service.service]
}
