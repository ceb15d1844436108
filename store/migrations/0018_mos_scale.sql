-- Against what the mean opinion score of a call was estimated: wide band is judged by those who know it. Until now all were
-- on the telephone's scale. The rating is the same on both.
ALTER TABLE calls ADD COLUMN mos_scale TEXT NOT NULL DEFAULT '' CHECK (mos_scale IN ('', 'narrow', 'wide'));
ALTER TABLE calls ADD COLUMN rating REAL;
UPDATE calls SET mos_scale = 'narrow' WHERE mos IS NOT NULL;
