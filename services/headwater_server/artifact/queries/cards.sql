-- name: put_card
-- Only what is newer by attempt and sequence counts; the row as it is now comes back either way.
WITH written AS (
    INSERT INTO cards (
        project, run_id, step, path, index, task_id, slot, attempt, sequence, card_id, type, digest, size, final
    )
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
    WHERE NOT EXISTS (SELECT FROM deleted_runs WHERE run_id = $2)
    ON CONFLICT (run_id, step, path, index, slot) DO UPDATE SET
        attempt = excluded.attempt, sequence = excluded.sequence, card_id = excluded.card_id, type = excluded.type,
        digest = excluded.digest, size = excluded.size, final = excluded.final, updated_at = now()
    WHERE cards.project = excluded.project
        AND (cards.attempt, cards.sequence) < (excluded.attempt, excluded.sequence)
    RETURNING *
)
SELECT *, true AS written FROM written
UNION ALL
SELECT *, false AS written FROM cards
WHERE project = $1 AND run_id = $2 AND step = $3 AND path = $4 AND index = $5 AND slot = $7
    AND NOT EXISTS (SELECT FROM written)

-- name: list_cards
-- A keyset page in the order in which cards first appeared. Filters that are null do not count.
SELECT * FROM cards
WHERE project = $1 AND run_id = $2 AND id > $3
    AND ($4::text IS NULL OR step = $4)
    AND ($5::text IS NULL OR task_id = $5)
    AND ($6::bytea IS NULL OR digest = $6)
ORDER BY id
LIMIT $7
