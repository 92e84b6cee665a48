-- Completed sales of 180 store days, net of refunds, in cents; days with a sale or a refund only.
WITH sales AS (
  SELECT
    DATE(created_at, @time_zone) AS day, 'square' AS source, customer_id, amount - refunded_amount AS cents, TRUE AS sold
  FROM `analytics.square_payments`
  WHERE created_at >= @half_year AND created_at < @end AND status = 'COMPLETED' AND @source IN ('all', 'square')
  UNION ALL
  SELECT
    DATE(created_at, @time_zone) AS day, 'lightspeed' AS source, customer_id, total AS cents, total >= 0 AS sold
  FROM `analytics.lightspeed_transactions`
  WHERE created_at >= @half_year AND created_at < @end AND status = 'completed' AND @source IN ('all', 'lightspeed')
)
SELECT
  day,
  COUNTIF(sold) AS transactions,
  SUM(cents) AS revenue,
  COUNT(DISTINCT IF(sold, CONCAT(source, ' ', customer_id), NULL)) AS customers
FROM sales
GROUP BY day
ORDER BY day DESC
