"""What leaves a store: findings and graphs in the forms that other tools read."""
