-- Attempts of the last days by day (store time), method, state and outcome.
SELECT
  DATE(created_at, @time_zone) AS day,
  method,
  state,
  success,
  COUNT(*) AS attempts
FROM `commerce.age_verification_attempts`
WHERE created_at >= @start AND created_at < @end
GROUP BY day, method, state, success
ORDER BY day DESC
