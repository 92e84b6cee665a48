-- Where customers can be reached, as Square and Lightspeed know them. Of a customer of both: what changed last.
SELECT customer_id, email, full_name
FROM `commerce.customers`
WHERE customer_id IN UNNEST(@customer_ids) AND NOT deleted AND email IS NOT NULL AND email <> ''
ORDER BY updated_at
