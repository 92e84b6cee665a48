# What a topic's messages look like, next to what they describe: docs/events.md. A changed file becomes a further
# revision; a topic takes a message that fits any of them.
resource "google_pubsub_schema" "schema" {
  for_each = { for file in fileset("${path.module}/topics", "*.proto") : trimsuffix(file, ".proto") => file }

  name       = each.key
  type       = "PROTOCOL_BUFFER"
  definition = file("${path.module}/topics/${each.value}")

  depends_on = [google_project_service.service]
}
