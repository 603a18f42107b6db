BEGIN TRANSACTION;
CREATE TABLE events (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            boot TEXT NOT NULL,
            counter INTEGER NOT NULL,
            boot_counter INTEGER NOT NULL,
            kernel_boot TEXT NOT NULL,
            at_ms INTEGER NOT NULL,
            lane INTEGER NOT NULL,
            topic TEXT NOT NULL,
            code INTEGER NOT NULL,
            qualifier INTEGER NOT NULL,
            wall_ms INTEGER NOT NULL,
            wall_quality TEXT NOT NULL,
            wall_bound_ms INTEGER,
            not_before_ms INTEGER,
            undated INTEGER NOT NULL,
            backfilled_wall_ms INTEGER,
            backfilled_bound_ms INTEGER,
            owed INTEGER NOT NULL,
            record TEXT NOT NULL,
            UNIQUE (boot, counter)
        ) STRICT
        ;
INSERT INTO "events" VALUES(1,'00000000000000bb',1,4,'kernel-b',100,0,'alarm',122,1,1760000000001,'unsynced',NULL,NULL,1,NULL,NULL,0,'{"id":{"boot":"00000000000000bb","counter":1},"boot_counter":4,"kernel_boot":"kernel-b","at_ms":100,"wall":{"wall_ms":1760000000001,"quality":"unsynced","bound_ms":null},"origin":"person","lane":0,"topic":"alarm","code":122,"qualifier":1,"incident":{"boot":"00000000000000bb","counter":1},"body":{"note":"Tür"}}');
INSERT INTO "events" VALUES(2,'00000000000000bb',2,4,'kernel-b',200,0,'alarm',122,1,1760000000002,'unsynced',NULL,NULL,1,NULL,NULL,1,'{"id":{"boot":"00000000000000bb","counter":2},"boot_counter":4,"kernel_boot":"kernel-b","at_ms":200,"wall":{"wall_ms":1760000000002,"quality":"unsynced","bound_ms":null},"origin":"person","lane":0,"topic":"alarm","code":122,"qualifier":1,"incident":{"boot":"00000000000000bb","counter":2},"body":{"note":"Tür"}}');
INSERT INTO "events" VALUES(3,'00000000000000bb',3,4,'kernel-b',300,1,'trouble',122,1,1760000000003,'synced',20,NULL,0,NULL,NULL,1,'{"id":{"boot":"00000000000000bb","counter":3},"boot_counter":4,"kernel_boot":"kernel-b","at_ms":300,"wall":{"wall_ms":1760000000003,"quality":"synced","bound_ms":20},"origin":"person","lane":1,"topic":"trouble","code":122,"qualifier":1,"incident":null,"body":{"note":"Tür"}}');
INSERT INTO "events" VALUES(4,'00000000000000bb',4,4,'kernel-b',400,2,'log',122,1,1760000000004,'synced',20,NULL,0,NULL,NULL,0,'{"id":{"boot":"00000000000000bb","counter":4},"boot_counter":4,"kernel_boot":"kernel-b","at_ms":400,"wall":{"wall_ms":1760000000004,"quality":"synced","bound_ms":20},"origin":"person","lane":2,"topic":"log","code":122,"qualifier":1,"incident":null,"body":{"note":"Tür"}}');
INSERT INTO "events" VALUES(5,'00000000000000bb',5,4,'kernel-b',500,2,'log',122,1,1760000000005,'synced',20,NULL,0,NULL,NULL,1,'{"id":{"boot":"00000000000000bb","counter":5},"boot_counter":4,"kernel_boot":"kernel-b","at_ms":500,"wall":{"wall_ms":1760000000005,"quality":"synced","bound_ms":20},"origin":"person","lane":2,"topic":"log","code":122,"qualifier":1,"incident":null,"body":{"note":"Tür"}}');
INSERT INTO "events" VALUES(6,'00000000000000bb',6,4,'kernel-b',600,2,'log',122,1,1760000000006,'synced',20,NULL,0,NULL,NULL,1,'{"id":{"boot":"00000000000000bb","counter":6},"boot_counter":4,"kernel_boot":"kernel-b","at_ms":600,"wall":{"wall_ms":1760000000006,"quality":"synced","bound_ms":20},"origin":"person","lane":2,"topic":"log","code":122,"qualifier":1,"incident":null,"body":{"note":"Tür"}}');
CREATE TABLE keep (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "keep" VALUES('alive','{"wall_ms":1760000060000,"quality":"synced","bound_ms":20}');
INSERT INTO "keep" VALUES('latch','{"ids":[{"boot":"00000000000000bb","counter":2}],"officer":null,"presses":1,"siren_until_ms":null,"kernel_boot":"kernel-b"}');
CREATE INDEX events_owed ON events (lane, seq) WHERE owed = 1;
CREATE INDEX events_delivered ON events (seq) WHERE owed = 0 AND lane > 0;
CREATE INDEX events_undated ON events (kernel_boot, at_ms) WHERE undated = 1;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',6);
COMMIT;
PRAGMA user_version = 1;
