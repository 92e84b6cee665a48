-- Items for sale, and how many of them have a certificate that counts on a day. The tables are small, not partitioned.
WITH items AS (
  SELECT 'square' AS source, id
  FROM `analytics.square_items`
  WHERE available AND NOT deleted
  UNION ALL
  SELECT 'lightspeed' AS source, id
  FROM `analytics.lightspeed_products`
  WHERE NOT deleted
),
certified AS (
  SELECT DISTINCT source, item_id
  FROM `commerce.product_coas`
  WHERE issued_at <= @day AND (expires_at IS NULL OR expires_at >= @day)
)
SELECT COUNT(*) AS products, COUNT(certified.item_id) AS with_coa
FROM items
LEFT JOIN certified ON certified.source = items.source AND certified.item_id = items.id
