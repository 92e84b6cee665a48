-- Attempts of a year to be verified, and how many of them succeeded.
SELECT COUNT(*) AS attempts, COUNTIF(success) AS successful
FROM `commerce.age_verification_attempts`
WHERE created_at >= @year AND created_at < @end
