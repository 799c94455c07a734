-- One-time codes that sign a browser in, valid for about a minute. Only the digest of a code is stored. It is the key,
-- and the table is distributed by it.
CREATE TABLE sign_in_codes (
    digest          text NOT NULL PRIMARY KEY, -- SHA-256, in hexadecimal digits
    user_id         uuid NOT NULL, -- the learner whom it signs in
    scopes          text NOT NULL, -- a JSON list, as are the courses to which they are limited
    courses         text,
    session_ends_at timestamptz, -- the expiry of the token with which the code was requested
    ends_at         timestamptz NOT NULL
);
