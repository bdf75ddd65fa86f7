"""How the store's schema came about, step by step; read by alembic."""
