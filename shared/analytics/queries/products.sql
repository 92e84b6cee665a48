-- Items for sale, changed last first, after a place in that order. Both tables are small and not partitioned.
WITH items AS (
  SELECT id, name, description, price, sku, category, updated_at
  FROM `analytics.square_items`
  WHERE available AND NOT deleted AND @source IN ('all', 'square')
  UNION ALL
  SELECT id, name, description, price, CAST(NULL AS STRING) AS sku, category, updated_at
  FROM `analytics.lightspeed_products`
  WHERE NOT deleted AND @source IN ('all', 'lightspeed')
)
SELECT id, name, description, price, sku, category, updated_at
FROM items
WHERE updated_at < @after_time OR (updated_at = @after_time AND id > @after_id)
ORDER BY updated_at DESC, id
LIMIT @rows
