PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE manifest (
    hash TEXT PRIMARY KEY, git TEXT, dirty INTEGER, loaded_at INTEGER NOT NULL, json TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO manifest VALUES('ba281ba1b31d15c7a6aca326a907061424ca3cf1118f63b5d8ef847bdaa4c33d',NULL,NULL,1795550286672674,'{"platform":"quay","dc":"iad2","title":"Ashburn 2","milestones":[{"id":"network","title":"Network and names","due":"2020-01-01"},{"id":"core","title":"Core services","due":"2099-01-01"},{"id":"done","title":"Done done","due":"2099-06-01"}],"vantages":[{"id":"node","owner":"paas","due":"2020-01-01"},{"id":"builder","owner":"paas","due":"2099-01-01"}],"points":[{"id":"p","title":"p works","group":"net","owner":"netops","milestone":"core","due":"2099-01-01","required":true,"severity":"critical","vantage":"node","instances":[{"key":"","argv":["check_dummy","0","fine"],"argv_hash":"052ffd3bbc4fa51f"}]},{"id":"q","title":"q works","group":"net","owner":"netops","milestone":"core","due":"2099-01-01","required":true,"severity":"critical","vantage":"node","instances":[{"key":"","argv":["check_dummy","2","shut\tfor ''now'' | a=1"],"argv_hash":"6cb344c09fb75706"}]}]}');
CREATE TABLE run (
    id INTEGER PRIMARY KEY, dc TEXT NOT NULL, source TEXT NOT NULL, vantage TEXT NOT NULL,
    started INTEGER NOT NULL, ended INTEGER NOT NULL, host TEXT NOT NULL, mdd TEXT NOT NULL,
    manifest TEXT NOT NULL REFERENCES manifest (hash), results INTEGER NOT NULL
);
INSERT INTO run VALUES(1,'iad2','local','node',1795550286672674,1795550286687476,'node-1','0.1.0','ba281ba1b31d15c7a6aca326a907061424ca3cf1118f63b5d8ef847bdaa4c33d',2);
INSERT INTO run VALUES(2,'iad2','local','node',1795550286746057,1795550286760619,'node-1','0.1.0','ba281ba1b31d15c7a6aca326a907061424ca3cf1118f63b5d8ef847bdaa4c33d',2);
CREATE TABLE result (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES run (id), dc TEXT NOT NULL,
    point TEXT NOT NULL, instance TEXT NOT NULL, vantage TEXT NOT NULL, argv TEXT NOT NULL,
    status INTEGER NOT NULL, output TEXT NOT NULL, perf TEXT NOT NULL, us INTEGER NOT NULL,
    executed_at INTEGER NOT NULL, since INTEGER NOT NULL
);
INSERT INTO result VALUES(1,1,'iad2','p','','node','052ffd3bbc4fa51f',0,'OK: fine','',11902,1795550286675510,1795550286675510);
INSERT INTO result VALUES(2,1,'iad2','q','','node','6cb344c09fb75706',2,'CRITICAL: shut for ''now''','a=1',7468,1795550286675633,1795550286675633);
INSERT INTO result VALUES(3,2,'iad2','p','','node','052ffd3bbc4fa51f',0,'OK: fine','',10166,1795550286746223,1795550286675510);
INSERT INTO result VALUES(4,2,'iad2','q','','node','6cb344c09fb75706',2,'CRITICAL: shut for ''now''','a=1',4153,1795550286756396,1795550286675633);
CREATE TABLE transition (
    id INTEGER PRIMARY KEY, dc TEXT NOT NULL, point TEXT NOT NULL, from_state TEXT, to_state TEXT NOT NULL,
    at INTEGER NOT NULL, result INTEGER REFERENCES result (id), blocked_by TEXT
);
INSERT INTO transition VALUES(1,'iad2','p',NULL,'green',1795550286687476,1,NULL);
INSERT INTO transition VALUES(2,'iad2','q',NULL,'not-due',1795550286687476,2,NULL);
CREATE TABLE gate (
    id INTEGER PRIMARY KEY, dc TEXT NOT NULL, milestone TEXT, verdict TEXT NOT NULL, at INTEGER NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX run_started ON run (started);
CREATE INDEX run_vantage ON run (dc, vantage, started);
CREATE INDEX result_of ON result (dc, point, instance, vantage, executed_at);
CREATE INDEX result_start ON result (dc, point, instance, vantage, executed_at) WHERE executed_at = since;
CREATE INDEX result_run ON result (run);
CREATE INDEX result_red ON result (dc, point, executed_at) WHERE status = 2;
CREATE INDEX transition_of ON transition (dc, point, at);
CREATE INDEX transition_result ON transition (result) WHERE result IS NOT NULL;
COMMIT;
PRAGMA user_version = 1;
