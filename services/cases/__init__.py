"""The service `cases`: the social worker's path from identifikasi to pembinaan lanjut."""
