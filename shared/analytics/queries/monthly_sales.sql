-- Completed sales of 24 calendar months, net of refunds, in cents; months with a sale or a refund only.
WITH sales AS (
  SELECT
    DATE_TRUNC(DATE(created_at, @time_zone), MONTH) AS month,
    'square' AS source, customer_id, amount - refunded_amount AS cents, TRUE AS sold
  FROM `analytics.square_payments`
  WHERE created_at >= @two_years AND created_at < @end AND status = 'COMPLETED' AND @source IN ('all', 'square')
  UNION ALL
  SELECT
    DATE_TRUNC(DATE(created_at, @time_zone), MONTH) AS month,
    'lightspeed' AS source, customer_id, total AS cents, total >= 0 AS sold
  FROM `analytics.lightspeed_transactions`
  WHERE created_at >= @two_years AND created_at < @end AND status = 'completed' AND @source IN ('all', 'lightspeed')
)
SELECT
  month,
  COUNTIF(sold) AS transactions,
  SUM(cents) AS revenue,
  COUNT(DISTINCT IF(sold, CONCAT(source, ' ', customer_id), NULL)) AS customers
FROM sales
GROUP BY month
ORDER BY month DESC
