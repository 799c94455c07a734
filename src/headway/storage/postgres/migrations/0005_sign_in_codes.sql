-- Codes that let a browser in, each once, for a minute or so, distributed by digest, which is all that is kept of one
-- and by which it is taken.
CREATE TABLE sign_in_codes (
    digest          text NOT NULL PRIMARY KEY, -- SHA-256, in hexadecimal digits
    user_id         uuid NOT NULL, -- whom it lets in
    scopes          text NOT NULL, -- as a JSON list, and so are the courses that they are limited to
    courses         text,
    session_ends_at timestamptz, -- when the token is over that it was given for
    ends_at         timestamptz NOT NULL
);
