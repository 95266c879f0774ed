-- what:  the walls of DuckDB
-- takes: the folders that it may read
-- gives: nothing

-- name: folders  (_database)
SET allowed_directories = $1;

-- name: walled  (_database)
SET enable_external_access = false;

-- name: locked  (_database)
SET lock_configuration = true;
