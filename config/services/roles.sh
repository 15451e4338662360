#!/bin/sh
# Runs once, when the container's PostgreSQL makes its cluster: the roles of config/services/postgres.py.
set -eu
psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" \
    --set owner_password="$PEYVAND_OWNER_PASSWORD" --set password="$PEYVAND_PASSWORD" <<'SQL'
CREATE ROLE peyvand_app NOLOGIN;
CREATE ROLE peyvand_owner LOGIN CREATEROLE CREATEDB PASSWORD :'owner_password';
CREATE ROLE peyvand LOGIN PASSWORD :'password' IN ROLE peyvand_app;
CREATE DATABASE peyvand OWNER peyvand_owner;
REVOKE ALL ON DATABASE peyvand FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE peyvand TO peyvand_app;
SQL
