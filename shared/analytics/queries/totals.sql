-- Revenue in cents of four windows of store days, and counts over the longest: completed sales, net of refunds.
-- Square keeps a refund in its payment; Lightspeed's is a sale of its own with a negative total, and no transaction.
WITH sales AS (
  SELECT 'square' AS source, customer_id, created_at, amount - refunded_amount AS cents, TRUE AS sold
  FROM `analytics.square_payments`
  WHERE created_at >= @year AND created_at < @end AND status = 'COMPLETED' AND @source IN ('all', 'square')
  UNION ALL
  SELECT 'lightspeed' AS source, customer_id, created_at, total AS cents, total >= 0 AS sold
  FROM `analytics.lightspeed_transactions`
  WHERE created_at >= @year AND created_at < @end AND status = 'completed' AND @source IN ('all', 'lightspeed')
)
SELECT
  COALESCE(SUM(IF(created_at >= @today, cents, 0)), 0) AS today,
  COALESCE(SUM(IF(created_at >= @week, cents, 0)), 0) AS week,
  COALESCE(SUM(IF(created_at >= @month, cents, 0)), 0) AS month,
  COALESCE(SUM(cents), 0) AS year,
  COUNTIF(sold) AS transactions,
  COUNT(DISTINCT IF(sold, CONCAT(source, ' ', customer_id), NULL)) AS customers
FROM sales
