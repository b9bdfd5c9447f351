-- Files in one folder alone, and no way back.
SET allowed_directories = [{folder}];
SET enable_external_access = false
