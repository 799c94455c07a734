-- The goals that learners set for each week, distributed by user_id. docs/decisions/0049.
CREATE TABLE goals (
    user_id       uuid NOT NULL PRIMARY KEY,
    days_per_week smallint NOT NULL,
    since         date NOT NULL, -- weeks count from the one with this day on
    version       bigint NOT NULL
);
