-- The ten items with the most revenue of a year (cents, before discounts and taxes), from lines of completed orders.
SELECT
  lines.item_id AS id,
  COALESCE(items.name, lines.name) AS name,
  lines.units AS units,
  lines.revenue AS revenue
FROM (
  SELECT item_id, MAX(name) AS name, SUM(quantity) AS units, SUM(gross) AS revenue
  FROM `analytics.square_order_lines`
  WHERE created_at >= @year AND created_at < @end AND item_id IS NOT NULL AND @source IN ('all', 'square')
  GROUP BY item_id
) AS lines
LEFT JOIN `analytics.square_items` AS items ON items.id = lines.item_id
ORDER BY revenue DESC, units DESC, id
LIMIT 10
