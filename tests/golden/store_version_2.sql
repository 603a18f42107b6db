BEGIN TRANSACTION;
CREATE TABLE counts (lane INTEGER PRIMARY KEY, kept INTEGER NOT NULL, owed INTEGER NOT NULL) STRICT;
INSERT INTO "counts" VALUES(0,1,1);
INSERT INTO "counts" VALUES(1,1,0);
INSERT INTO "counts" VALUES(2,5,4);
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
INSERT INTO "events" VALUES(1,'00000000000000cc',1,5,'kernel-c',1000,0,'alarm',300,6,1760000001000,'synced',20,NULL,0,NULL,NULL,1,'{"id":{"boot":"00000000000000cc","counter":1},"boot_counter":5,"kernel_boot":"kernel-c","at_ms":1000,"wall":{"wall_ms":1760000001000,"quality":"synced","bound_ms":20},"origin":"person","lane":0,"topic":"alarm","code":300,"qualifier":6,"incident":null,"body":{"skin_celsius":34.25}}');
INSERT INTO "events" VALUES(2,'00000000000000cc',2,5,'kernel-c',2000,1,'trouble',300,6,1760000002000,'synced',20,NULL,0,NULL,NULL,0,'{"id":{"boot":"00000000000000cc","counter":2},"boot_counter":5,"kernel_boot":"kernel-c","at_ms":2000,"wall":{"wall_ms":1760000002000,"quality":"synced","bound_ms":20},"origin":"person","lane":1,"topic":"trouble","code":300,"qualifier":6,"incident":null,"body":{"skin_celsius":34.25}}');
INSERT INTO "events" VALUES(3,'00000000000000cc',3,5,'kernel-c',3000,2,'temperature',300,6,1760000003000,'synced',20,NULL,0,NULL,NULL,0,'{"id":{"boot":"00000000000000cc","counter":3},"boot_counter":5,"kernel_boot":"kernel-c","at_ms":3000,"wall":{"wall_ms":1760000003000,"quality":"synced","bound_ms":20},"origin":"person","lane":2,"topic":"temperature","code":300,"qualifier":6,"incident":null,"body":{"skin_celsius":34.25}}');
INSERT INTO "events" VALUES(4,'00000000000000cc',4,5,'kernel-c',4000,2,'temperature',300,6,4000,'unsynced',NULL,NULL,0,1760000004000,21,1,'{"id":{"boot":"00000000000000cc","counter":4},"boot_counter":5,"kernel_boot":"kernel-c","at_ms":4000,"wall":{"wall_ms":4000,"quality":"unsynced","bound_ms":null},"origin":"person","lane":2,"topic":"temperature","code":300,"qualifier":6,"incident":null,"body":{"skin_celsius":34.25}}');
INSERT INTO "events" VALUES(5,'00000000000000cc',5,5,'kernel-c',5000,2,'temperature',300,6,1760000005000,'synced',20,NULL,0,NULL,NULL,1,'{"id":{"boot":"00000000000000cc","counter":5},"boot_counter":5,"kernel_boot":"kernel-c","at_ms":5000,"wall":{"wall_ms":1760000005000,"quality":"synced","bound_ms":20},"origin":"person","lane":2,"topic":"temperature","code":300,"qualifier":6,"incident":null,"body":{"skin_celsius":34.25}}');
INSERT INTO "events" VALUES(6,'00000000000000cc',6,5,'kernel-c',6000,2,'picture',300,6,1760000006000,'synced',20,NULL,0,NULL,NULL,1,'{"id":{"boot":"00000000000000cc","counter":6},"boot_counter":5,"kernel_boot":"kernel-c","at_ms":6000,"wall":{"wall_ms":1760000006000,"quality":"synced","bound_ms":20},"origin":"person","lane":2,"topic":"picture","code":300,"qualifier":6,"incident":null,"body":{"skin_celsius":34.25}}');
INSERT INTO "events" VALUES(7,'00000000000000cc',7,5,'kernel-c',7000,2,'log',300,6,1760000007000,'synced',20,NULL,0,NULL,NULL,1,'{"id":{"boot":"00000000000000cc","counter":7},"boot_counter":5,"kernel_boot":"kernel-c","at_ms":7000,"wall":{"wall_ms":1760000007000,"quality":"synced","bound_ms":20},"origin":"person","lane":2,"topic":"log","code":300,"qualifier":6,"incident":null,"body":{"skin_celsius":34.25}}');
CREATE TABLE keep (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX events_owed ON events (lane, seq) WHERE owed = 1;
CREATE INDEX events_delivered ON events (seq) WHERE owed = 0 AND lane > 0;
CREATE INDEX events_undated ON events (kernel_boot, at_ms) WHERE undated = 1;
CREATE TRIGGER events_kept AFTER INSERT ON events BEGIN
            UPDATE counts SET kept = kept + 1, owed = owed + NEW.owed WHERE lane = NEW.lane;
        END;
CREATE TRIGGER events_settled AFTER UPDATE OF owed ON events BEGIN
            UPDATE counts SET owed = owed + NEW.owed - OLD.owed WHERE lane = NEW.lane;
        END;
CREATE TRIGGER events_dropped AFTER DELETE ON events BEGIN
            UPDATE counts SET kept = kept - 1, owed = owed - OLD.owed WHERE lane = OLD.lane;
        END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',7);
COMMIT;
PRAGMA user_version = 2;
