-- The newest 25 completed sales of a year, net of refunds.
SELECT id, amount - refunded_amount AS amount, created_at, status, customer_id
FROM `analytics.square_payments`
WHERE created_at >= @year AND created_at < @end AND status = 'COMPLETED' AND @source IN ('all', 'square')
UNION ALL
SELECT id, total AS amount, created_at, 'COMPLETED' AS status, customer_id
FROM `analytics.lightspeed_transactions`
WHERE created_at >= @year AND created_at < @end AND status = 'completed' AND @source IN ('all', 'lightspeed')
ORDER BY created_at DESC, id
LIMIT 25
