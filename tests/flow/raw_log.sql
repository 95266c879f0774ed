-- what:  the access log read without any code of ours, by DuckDB
-- takes: the path of the log
-- gives: table line: one row per line in the combined format, what it is by the definition in protocols/log.py,
--        and whether its user agent was judged by eye to be no person's

CREATE TABLE raw AS
SELECT row_number() OVER () AS number, line
FROM read_csv(getvariable('log'), columns = {'line': 'varchar'}, delim = chr(1), quote = '', escape = '', header = false, auto_detect = false);

CREATE TABLE field AS
SELECT number, regexp_extract(
    line,
    '^(\S+) \S+ \S+ \[([^\]]+)\] "(\S+) ([^"]*?)(?: HTTP/[0-9.]+)?" ([0-9]{3}) \S+ "(.*?)" "(.*)"$',
    ['address', 'time', 'method', 'target', 'status', 'referrer', 'agent']
) AS of FROM raw;

CREATE TABLE line AS
SELECT
    number,
    of.address AS address,
    try_strptime(of.time, '%d/%b/%Y:%H:%M:%S +0000') AS ts,
    of.method AS method,
    of.target AS target,
    split_part(of.target, '?', 1) AS path,
    try_cast(of.status AS integer) AS status,
    nullif(of.referrer, '-') AS referrer,
    of.agent AS agent,
    lower(regexp_extract(path, '[^/.][^/]*\.([^./]*)$', 1)) AS extension,
    CASE
        WHEN status >= 400 OR method NOT IN ('GET', 'HEAD', 'POST') THEN 'error'
        WHEN status BETWEEN 300 AND 399 AND status <> 304 THEN 'redirect'
        WHEN method <> 'GET' THEN 'asset'
        WHEN extension IN ('css', 'js', 'json', 'xml', 'txt', 'xsl', 'ico', 'png', 'jpg', 'jpeg', 'gif', 'svg', 'ttf',
            'woff', 'swf', 'log', 'conf') THEN 'asset'
        WHEN extension IN ('pdf', 'gz', 'jar', 'exe', 'deb', 'doc') THEN 'download'
        ELSE 'page'
    END AS kind,
    agent = '-' OR (
        regexp_matches(agent, '(?i)bot|crawl|spider|slurp;|feed|fetcher|libfetch|rss|reader|archive|preview|proxy|wget|curl|python'
            '|ruby|java/|perl|php|libwww-perl|phantom|monitor|facebookexternal|embedly|aggregat|chef client|webmaster'
            '|http://|https://|google-http|binlar|robosourcer|portscout|nutch|link sleuth|indy library|ezooms')
        OR agent IN ('Mozilla/4.0', 'Mozilla/5.0')
    ) AS robot
FROM field WHERE of.address <> '';
