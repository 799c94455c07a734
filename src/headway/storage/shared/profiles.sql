-- Learner profiles and the words by which they are found. Parameters are bound by position, in the order in which they
-- first appear. The statements of searches are in headway.storage.shared.profile_statements.

-- name: find-profile^
-- A learner's profile.
SELECT {profiles} FROM profiles WHERE user_id = :user_id;

-- name: profiles-from
-- Profiles by learner.
SELECT {profiles} FROM profiles WHERE user_id >= :user_id ORDER BY user_id LIMIT :limit;

-- name: count-profiles^
-- Count the profiles.
SELECT count(*) FROM profiles;

-- name: add-profile
-- Store the profile of a learner who has none. Returns no row where another process was first.
INSERT INTO profiles ({profiles}) VALUES ({profiles:values})
ON CONFLICT (user_id) DO NOTHING
RETURNING version;

-- name: change-profile
-- Change a profile that is still the one that was read. Returns no row where it is not.
UPDATE profiles SET
    name = :name,
    email = :email,
    external_id = :external_id,
    locale = :locale,
    time_zone = :time_zone,
    claimed = :claimed,
    sort_key = :sort_key,
    words = :words,
    version = :version
WHERE user_id = :user_id AND version = :before
RETURNING version;

-- name: hold-profile!
-- Store a profile as it is in another database.
INSERT INTO profiles ({profiles}) VALUES ({profiles:values})
ON CONFLICT (user_id) DO UPDATE SET {profiles:excluded};

-- name: remove-profile
-- Remove a profile that is still the one that was read. Returns no row where it is not.
DELETE FROM profiles WHERE user_id = :user_id AND version = :before
RETURNING version;

-- name: forget-words!
-- Remove the words of a learner whose profile has this version, or who has no profile.
DELETE FROM profile_words
WHERE user_id = :user_id AND NOT EXISTS (SELECT 1 FROM profiles AS q WHERE q.user_id = :user_id AND q.version <> :version);

-- name: count-words^
-- How many words begin so, counted up to a limit.
SELECT count(*)
FROM (SELECT w.user_id FROM profile_words AS w WHERE w.word BETWEEN :first AND :last LIMIT :limit) AS few;

-- name: learners-with-word
-- The learners with a word that begins so.
SELECT w.user_id FROM profile_words AS w WHERE w.word BETWEEN :first AND :last;
