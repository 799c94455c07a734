"""The stores of packages: a folder, and S3. Both keep the same documents and files under the same names."""
