environment            = "production"
cors_origins           = ["https://shop.example"]
alert_email            = "alerts@shop.example"
integrations           = []
monthly_budget_dollars = 100
warm                   = true
deletion_protection    = true
settings               = { AUTHORIZE_NET_ENVIRONMENT = "production", DRAW_ENTROPY = "drand", RAFFLE_LEGAL_GATE = "on" }
