"""What rules of every domain may use: values in, values out. It imports nothing of this project."""
