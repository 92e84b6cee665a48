environment            = "staging"
cors_origins           = ["https://staging.shop.example"]
alert_email            = "staging-alerts@shop.example"
integrations           = []
monthly_budget_dollars = 20
warm                   = false
deletion_protection    = false
settings               = { AUTHORIZE_NET_ENVIRONMENT = "sandbox", DRAW_ENTROPY = "drand", RAFFLE_LEGAL_GATE = "on" }
